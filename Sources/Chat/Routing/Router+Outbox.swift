// Effects on other shards: sent in order by the source's leader until the target's log has them.

import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import Failpoints
import NIOCore
import Placement
import Replication

/// What is on its way: one effect per source and target shard at a time, so that the target's high-water
/// mark sees them in order (reliability 3.7). Losing leadership loses only the memory of what is on its way;
/// the next leader sends from the replicated cursor, and the mark drops what had arrived.
struct OutboxDispatcher {
    struct Lane: Hashable {
        let source: ShardID
        let target: ShardID
    }
    var busy: Set<Lane> = []
}

/// Names that this node, leading the directory, has seen reserved: since when, and which are being decided.
///
/// By the loop's clock: the log's may stand a day ahead after a leader whose clock was wrong, and then nothing
/// reserved since would look old.
struct ReservationWatch {
    private struct Claim: Hashable {
        let name: UniqueName
        let owner: NameOwner
    }
    private var firstSeen: [Claim: NIODeadline] = [:]
    var resolving: Set<UniqueName> = []

    /// - Returns: what has been reserved for `age` at least and is not being decided yet.
    mutating func stale(
        among pending: [(name: UniqueName, owner: NameOwner)], after age: TimeAmount, now: NIODeadline
    ) -> [(name: UniqueName, owner: NameOwner)] {
        var seen: [Claim: NIODeadline] = [:]
        for (name, owner) in pending {
            let claim = Claim(name: name, owner: owner)
            seen[claim] = self.firstSeen[claim] ?? now
        }
        self.firstSeen = seen
        return pending.filter { name, owner in
            guard let since = seen[Claim(name: name, owner: owner)], now - since >= age else { return false }
            return !self.resolving.contains(name)
        }
    }
}

extension Router {
    func dispatchOutboxes() {
        for shard in self.shardMap.shardsAndDirectory where self.host.isLeader(of: shard) {
            self.dispatchOutbox(of: shard)
        }
    }

    func dispatchOutbox(of source: ShardID) {
        // In the order of the log; the first of each target goes out, its answer sends the next.
        for entry in self.host.outbox(of: source) {
            let lane = OutboxDispatcher.Lane(source: source, target: self.shardMap.shard(of: entry.target))
            guard self.outboxes.busy.insert(lane).inserted else { continue }
            self.send(entry, lane)
        }
    }

    private func send(_ entry: OutboxEntry, _ lane: OutboxDispatcher.Lane) {
        Failpoints.hit(.outboxSend)
        let loop = self.loop
        guard !self.settings.faults.contains(.effectsDeliveredUnheard) else {
            self.begin(.applyEffect(entry), self.loop.now + self.settings.commandDeadline) { _ in }
            return self.sent(entry, lane, .success(.done))
        }
        self.begin(.applyEffect(entry), self.loop.now + self.settings.commandDeadline) { result in
            loop.execute { self.sent(entry, lane, result) }
        }
    }

    private func sent(
        _ entry: OutboxEntry, _ lane: OutboxDispatcher.Lane, _ result: Result<CommandResult, ServiceError>
    ) {
        guard case .success = result, self.host.isLeader(of: lane.source) else {
            self.outboxes.busy.remove(lane)  // The next tick, or the next leader, tries again.
            return
        }
        Failpoints.hit(.outboxAcknowledge)
        self.host.effectsApplied(of: lane.source, by: lane.target, through: entry.position)
        let delivered = Command.outboxDelivered(target: lane.target, through: entry.position)
        let logged = LoggedCommand(at: self.settings.now(), command: delivered)
        self.host.propose(lane.source, logged) { outcome in
            self.outboxes.busy.remove(lane)
            // Anything else is left to the next tick or the next leader: no loop at the speed of the network.
            if case .applied = outcome { self.dispatchOutbox(of: lane.source) }
        }
    }

    /// Names that stayed reserved: the creation either happened or is aborted by one entry of its own shard.
    /// A channel's shard tells the directory itself what came of it.
    func resolveStaleReservations() {
        guard self.host.isLeader(of: .directory), let machine = self.host.directoryMachine else {
            self.reservations = ReservationWatch()
            return
        }
        let pending = machine.stalePendingNames(olderThan: Timestamp(milliseconds: .max)).map { (name: $0, owner: $1) }
        let stale = self.reservations.stale(
            among: pending, after: .milliseconds(self.settings.staleReservationMilliseconds), now: self.loop.now)
        for (name, owner) in stale {
            self.reservations.resolving.insert(name)
            let abort: Command =
                switch owner {
                case .user(let user): .abortUser(user)
                case .channel(let channel): .settleChannelName(channel, folded: name.name)
                }
            let loop = self.loop
            self.begin(abort, self.loop.now + self.settings.commandDeadline) { result in
                loop.execute { self.resolved(name, owner, result) }
            }
        }
    }

    private func resolved(_ name: UniqueName, _ owner: NameOwner, _ result: Result<CommandResult, ServiceError>) {
        guard case .user = owner else {
            self.reservations.resolving.remove(name)
            return
        }
        let next: Command
        switch result {
        case .success(.refused(.alreadyExists)): next = .confirmName(name, owner)
        case .success(.done): next = .releaseName(name, owner)
        case .success, .failure:
            self.reservations.resolving.remove(name)
            return
        }
        let loop = self.loop
        self.begin(next, self.loop.now + self.settings.commandDeadline) { _ in
            loop.execute { self.reservations.resolving.remove(name) }
        }
    }
}
