import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import Placement
import Replication
import Routing

// Whether a healed world has come together, and whether what it then says of itself is true.

extension NodeWorld {
    /// What is not as it should be in the end; nil when the world is at rest.
    func unrest() -> String? {
        if self.requestsOpen > 0 { return "\(self.requestsOpen) requests have no answer" }
        if self.readers.isEmpty, self.swarm.readers > 0 { return "the rooms are not set up" }
        for shard in self.shardMap.shardsAndDirectory {
            if let reason = self.unrest(of: shard) { return reason }
        }
        if let directory = self.nodes.first(where: { $0.host?.isLeader(of: .directory) == true })?.host?
            .directoryMachine
        {
            let reserved = directory.stalePendingNames(olderThan: Timestamp(milliseconds: .max))
            if let name = reserved.first?.0 { return "'\(name.name)' is reserved only" }
        }
        for reader in self.readers {
            if let shortfall = reader.shortfall() { return shortfall }
        }
        return nil
    }

    private func unrest(of shard: ShardID) -> String? {
        let standings = self.nodes.compactMap { node in node.host?.standing(of: shard).map { (node, $0) } }
        guard let (leader, leading) = standings.first(where: { $0.1.isLeader }) else {
            return "shard \(shard) has no leader"
        }
        let wanted = min(3, self.nodes.count)
        guard leading.voters.count == wanted else { return "shard \(shard) has \(leading.voters.count) voters" }
        let last = self.oracle.lastIndex(of: shard)
        for voter in leading.voters {
            guard let standing = standings.first(where: { $0.0.id == voter })?.1 else {
                return "voter \(voter.short) of shard \(shard) has no replica"
            }
            guard standing.appliedIndex == last else {
                return "voter \(voter.short) of shard \(shard) has applied \(standing.appliedIndex) of \(last)"
            }
        }
        // A count that stayed too high would refuse a shard's commands one day, for ever.
        if let (node, standing) = standings.first(where: { $0.1.proposalsWaiting != 0 }) {
            return "\(standing.proposalsWaiting) proposals of shard \(shard) wait at n\(node.number)"
        }
        if let owed = leader.host?.outbox(of: shard).count, owed > 0 { return "shard \(shard) owes \(owed) effects" }
        if let registry = leader.router?.directory.registry, registry.active.count == self.nodes.count {
            let ideal = Ring(registry, shardCount: self.shardMap.shardCount).replicas(of: shard)
            if Set(ideal) != Set(leading.voters) { return "shard \(shard) is not where the ring wants it" }
        }
        return nil
    }

    /// The last look: everything is read back, linearizably and from any node, and compared.
    func inspect() {
        guard self.readsOpen == 0, !self.isOver else { return }
        self.readsOpen = 1
        for channel in self.channelIDs {
            self.ask(.events(channel, viewer: self.owner(of: channel), after: 0, limit: 1_000)) { world, answer in
                guard case .events(let events, let head) = answer else {
                    return world.oracle.fail("the history of \(channel) is \(answer)")
                }
                let truth = world.oracle.channels[channel]?.events ?? []
                if head != UInt64(truth.count) || events != Array(truth.prefix(1_000)) {
                    world.oracle.fail("\(channel) holds \(head) events in the end, \(truth.count) were committed")
                }
            }
        }
        for actor in self.users { self.inspectSidebar(of: actor) }
        self.inspectNames()
        self.answered()
    }

    private func answered() {
        self.readsOpen -= 1
        if self.readsOpen == 0 { self.isOver = true }
    }

    private func ask(_ query: Query, _ check: @escaping (NodeWorld, QueryAnswer) -> Void) {
        guard let router = self.anyRunningNode()?.router else { return self.oracle.fail("no node runs") }
        self.readsOpen += 1
        let box = UncheckedBox(check)
        router.answer(query, consistency: .linearizable) { [unowned self] result in
            switch result {
            case .success(let answer): box.value(self, answer)
            case .failure(let error): self.oracle.fail("a healed world does not answer \(query): \(error)")
            }
            self.answered()
        }
    }

    /// The user's copy of its memberships says what the channels say: every effect arrived once.
    private func inspectSidebar(of actor: Actor) {
        self.ask(.memberships(actor.user)) { world, answer in
            guard case .memberships(let channels) = answer else {
                return world.oracle.fail("the memberships of \(actor.user) are \(answer)")
            }
            let truth = world.oracle.channels.filter { $0.value.isMember(actor.user) }.keys.sorted()
            if channels.sorted() != truth {
                world.oracle.fail("\(actor.user) sees \(channels.count) channels, and is in \(truth.count)")
            }
        }
    }

    /// A name belongs to one thing that exists, and nothing that wanted one exists without it.
    private func inspectNames() {
        for name in Set(self.sagas.map(\.name)).sorted(by: { $0.name < $1.name }) {
            self.ask(.nameOwner(name)) { world, answer in
                guard case .nameOwner(let owner) = answer else { return world.oracle.fail("\(name.name): \(answer)") }
                for saga in world.sagas where saga.name == name {
                    guard case .channel(let channel) = saga.owner else { continue }
                    let exists = world.oracle.channels[channel] != nil
                    if exists != (owner == saga.owner) {
                        world.oracle.fail(
                            "'\(name.name)' belongs to \(owner.map { "\($0)" } ?? "nobody"), and \(channel) "
                                + (exists ? "exists" : "does not exist"))
                    }
                }
            }
        }
    }
}
