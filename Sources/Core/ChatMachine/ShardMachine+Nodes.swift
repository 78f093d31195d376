import ChatModel
import ClusterModel

// The directory's registry of nodes. The epoch rises whenever the nodes that hold replicas may differ.

extension ShardMachine {
    /// Ids are never forgotten, removed ones included, so their number has a bound.
    static let nodesMax = 4096

    /// A new id becomes a joining node. It replaces a node of the same name or address at once: a data
    /// directory that was wiped comes back with a new id (reliability: identity, join, amnesia). Whether the
    /// old one still answers is gossip's to say, so the leader asks it before it proposes this.
    mutating func register(_ node: NodeRecord, _ effects: inout ApplyEffects) -> CommandResult {
        if let known = self.registry[node.id] {
            return known.state == .removed ? .refused(.forbidden) : .done
        }
        guard self.registry.nodes.count < Self.nodesMax else { return .refused(.quota) }
        var isReplacing = false
        for old in self.registry.nodes where old.state != .removed {
            guard
                old.address.hasBytes(of: node.address)
                    || (!node.name.isEmpty && old.name.utf8.elementsEqual(node.name.utf8))
            else { continue }
            self.change(old.id, &effects) { $0.state = .removed }
            isReplacing = true
        }
        var joining = node
        joining.state = .joining
        let place = self.registry.nodes.place(of: node.id, by: \.id).index
        self.registry.nodes.insert(joining, at: place)
        self.record(.put(kind: .node, key: RecordKey.of(node.id.high, node.id.low), value: joining.encoded), &effects)
        effects.registryChanged = true
        let details = [("name", node.name), ("address", node.address.description)]
        self.audit("node.add", node.id.description, details, by: nil, &effects)
        if isReplacing { self.raiseEpoch(&effects) }
        return .done
    }

    /// From joining, or from dead when it has come back; a draining node stays what it is.
    mutating func activate(_ node: NodeID, _ effects: inout ApplyEffects) -> CommandResult {
        guard let known = self.registry[node] else { return .refused(.notFound) }
        switch known.state {
        case .active: return .done
        case .draining, .removed: return .refused(.forbidden)
        case .joining, .dead: return self.set(node, .active, &effects)
        }
    }

    /// Nothing follows on removed.
    mutating func set(_ node: NodeID, _ state: NodeState, _ effects: inout ApplyEffects) -> CommandResult {
        guard let known = self.registry[node] else { return .refused(.notFound) }
        guard known.state != state else { return .done }
        guard known.state != .removed else { return .refused(.forbidden) }
        self.change(node, &effects) { $0.state = state }
        self.raiseEpoch(&effects)
        return .done
    }

    /// A lower counter is a data directory that was rolled back or cloned: it must come back as a new node.
    /// A dead node that starts again has to catch up before it holds replicas.
    mutating func boot(
        _ node: NodeID, _ boot: BootCounter, _ address: PeerAddress, _ clientAddress: String,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let known = self.registry[node] else { return .refused(.notFound) }
        guard known.state != .removed, boot >= known.boot else { return .refused(.forbidden) }
        var started = known
        started.boot = boot
        started.address = address
        started.clientAddress = clientAddress
        if known.state == .dead { started.state = .joining }
        // A name that only says the address moves with it, or the next node there would replace this one.
        if known.name.utf8.elementsEqual("\(known.address)".utf8) { started.name = "\(address)" }
        guard !started.hasBytes(of: known) else { return .done }
        self.change(node, &effects) { $0 = started }
        if started.state != known.state { self.raiseEpoch(&effects) }
        return .done
    }

    /// Only once: what it sets can not be changed later.
    mutating func initialise(
        _ secrets: ClusterSecrets, _ registration: Registration, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard self.secrets == nil else { return .refused(.alreadyExists) }
        self.secrets = secrets
        self.registration = registration
        var writer = ByteWriter()
        writer.write(secrets)
        writer.write(registration)
        self.record(.put(kind: .settings, key: [], value: writer.bytes), &effects)
        effects.directoryChanged = true
        return .done
    }

    private mutating func change(
        _ node: NodeID, _ effects: inout ApplyEffects, _ body: (inout NodeRecord) -> Void
    ) {
        let (place, isPresent) = self.registry.nodes.place(of: node, by: \.id)
        guard isPresent else { return }
        body(&self.registry.nodes[place])
        let value = self.registry.nodes[place].encoded
        self.record(.put(kind: .node, key: RecordKey.of(node.high, node.low), value: value), &effects)
        effects.registryChanged = true
    }

    mutating func raiseEpoch(_ effects: inout ApplyEffects) {
        self.registry.epoch = self.registry.epoch.next()
        self.record(.put(kind: .epoch, key: [], value: self.registry.epoch.encoded), &effects)
        effects.registryChanged = true
    }
}
