import ChatModel
import ClusterModel

// The way of a node through the registry, as the directory's leader and an operator drive it:
//
//     registerNode    startNode + activateNodes      drainNode           removeNode
//     ──────────▶ joining ──────────────▶ active ──────────▶ draining ──────────▶ removed
//                    ▲                       │ buryNode                              ▲
//                    └────── startNode ──── dead ────────── removeNode ──────────────┘
//
// Every rule that protects the cluster (the boot counter, the brakes, versions) is decided here, at a place in the
// log, so that no two leaders can decide it differently.

extension ShardMachine {
    /// A lower boot counter, or the same from another process, is a data directory that was rolled back or copied.
    mutating func start(_ start: NodeStart, _ effects: inout ApplyEffects) -> CommandResult {
        guard let known = self.registry[start.node] else { return .refused(.notFound) }
        guard known.state != .removed else { return .refused(.forbidden) }
        guard start.boot > known.boot || (start.boot == known.boot && [0, start.nonce].contains(known.life.nonce))
        else { return .refused(.staleBoot) }
        guard start.versions.contains(self.registry.activeVersion) else { return .refused(.unsupportedVersion) }
        var started = known
        started.boot = start.boot
        started.address = start.address
        started.clientAddress = start.clientAddress
        started.life.nonce = start.nonce
        started.life.versions = start.versions
        if known.state == .dead { started.state = .joining }
        // A name that only says the address moves with it, or the next node there would replace this one.
        if known.name.utf8.elementsEqual("\(known.address)".utf8) { started.name = "\(start.address)" }
        self.replace(known, by: started, &effects)
        return .done
    }

    /// Those that are joining, in one epoch; the others stay what they are.
    mutating func activate(_ nodes: [NodeID], _ effects: inout ApplyEffects) -> CommandResult {
        let joining = nodes.compactMap { self.registry[$0] }.filter { $0.state == .joining }
        for known in joining {
            var active = known
            active.state = .active
            self.replace(known, by: active, &effects)
        }
        if !joining.isEmpty { self.raiseEpoch(&effects) }
        return .done
    }

    mutating func drain(_ node: NodeID, _ effects: inout ApplyEffects) -> CommandResult {
        guard let known = self.registry[node] else { return .refused(.notFound) }
        switch known.state {
        case .draining: return .done
        case .removed: return .refused(.forbidden)
        case .joining, .active, .dead: break
        }
        guard self.registry.active.contains(where: { $0 != node }) else { return .refused(.conflict) }
        return self.move(known, to: .draining, &effects)
    }

    mutating func remove(_ node: NodeID, _ effects: inout ApplyEffects) -> CommandResult {
        guard let known = self.registry[node] else { return .refused(.notFound) }
        guard known.state != .removed else { return .done }
        guard self.registry.active.contains(where: { $0 != node }) else { return .refused(.conflict) }
        return self.move(known, to: .removed, &effects)
    }

    /// Within the brakes; see `NodeRegistry.mayBury`.
    mutating func bury(_ node: NodeID, _ effects: inout ApplyEffects) -> CommandResult {
        guard let known = self.registry[node] else { return .refused(.notFound) }
        switch known.state {
        case .dead: return .done
        case .draining, .removed: return .refused(.forbidden)
        case .joining, .active: break
        }
        guard self.registry.mayBury(node, at: self.clock) else { return .refused(.conflict) }
        var dead = known
        dead.state = .dead
        dead.life.deadAt = self.clock
        self.replace(known, by: dead, &effects)
        self.raiseEpoch(&effects)
        return .done
    }

    /// Only upwards, and only to what every member supports, dead ones included: they may come back.
    mutating func setActiveVersion(_ version: FeatureVersion, _ effects: inout ApplyEffects) -> CommandResult {
        guard version != self.registry.activeVersion else { return .done }
        guard version > self.registry.activeVersion else { return .refused(.conflict) }
        guard self.registry.members.allSatisfy({ $0.life.nonce != 0 && $0.life.versions.contains(version) }) else {
            return .refused(.unsupportedVersion)
        }
        self.registry.activeVersion = version
        self.record(.put(kind: .activeVersion, key: [], value: version.encoded), &effects)
        effects.registryChanged = true
        return .done
    }

    private mutating func move(
        _ known: NodeRecord, to state: NodeState, _ effects: inout ApplyEffects
    ) -> CommandResult {
        var moved = known
        moved.state = state
        self.replace(known, by: moved, &effects)
        self.raiseEpoch(&effects)
        return .done
    }

    /// Writes what differs.
    private mutating func replace(_ old: NodeRecord, by new: NodeRecord, _ effects: inout ApplyEffects) {
        let (place, isPresent) = self.registry.nodes.place(of: old.id, by: \.id)
        let isOther = (record: !new.hasBytes(of: old), life: new.life != old.life)
        guard isPresent, isOther.record || isOther.life else { return }
        self.registry.nodes[place] = new
        let key = RecordKey.of(new.id.high, new.id.low)
        if isOther.record { self.record(.put(kind: .node, key: key, value: new.encoded), &effects) }
        if isOther.life { self.record(.put(kind: .nodeLife, key: key, value: new.life.encoded), &effects) }
        effects.registryChanged = true
    }
}
