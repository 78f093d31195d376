// What the host tells the router: who leads, what there is to feed, that a turn or a tick is over. On the loop.

import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import Logging
import NIOCore
import Placement
import Replication
import Synchronization

extension Router: ReplicationObserver {
    package func leaderChanged(_ shard: ShardID, leader: NodeID?) {
        // What was given to the last leader may be lost with it; sending it again is safe.
        if let leader {
            for (request, entry) in self.pending.filter({ $0.value.shard == shard }).sorted(by: { $0.key < $1.key }) {
                switch entry.state {
                case .parked: break
                case .proposed: if leader != self.nodeID { self.route(request) }
                case .forwarded(let node, _): if node != leader { self.route(request) }
                }
            }
            self.unpark(shard)
            if leader == self.nodeID { self.dispatchOutbox(of: shard) }
        }
        self.presenceLeaderChanged(shard, leader: leader)
    }

    package func replicaDetached(_ shard: ShardID) {
        self.interests.lostReplica(of: shard, self.nodeID, self.shardMap)
        self.retryInterests()
        self.presenceLeaderChanged(shard, leader: nil)
    }

    package func feed(_ items: [FeedItem]) { self.receiveFeed(items, from: self.nodeID) }
    package func outboxGrew(_ shard: ShardID) { self.dispatchOutbox(of: shard) }
    package func directoryChanged(accounts: Bool) {
        self.isDirectoryStale = true
        if accounts { self.areAccountsStale = true }
    }

    package func turnEnded() {
        if self.isDirectoryStale { self.renewDirectory() }
        if !self.outgoingCommands.isEmpty {
            let batches = self.outgoingCommands
            self.outgoingCommands.removeAll(keepingCapacity: true)
            for (node, items) in batches.sorted(by: { $0.key < $1.key }) {
                self.links.send(CommandBatch(from: self.nodeID, commands: items), to: node)
            }
        }
        if !self.outgoingResults.isEmpty {
            let batches = self.outgoingResults
            self.outgoingResults.removeAll(keepingCapacity: true)
            for (node, items) in batches.sorted(by: { $0.key < $1.key }) {
                self.links.send(ResultBatch(from: self.nodeID, results: items), to: node)
            }
        }
        self.flushInterests()
        self.flushPresence()
    }

    package func ticked() {
        self.ticks += 1
        let now = self.loop.now
        self.sweep(now)
        if self.ticks % 2 == 0 { self.tickPresence(isSecond: self.ticks % 20 == 0) }
        if self.ticks % 5 == 0 { self.steward() }
        if self.ticks % 10 == 0 {
            self.renewHealth()
            self.proposeTimers()
        }
        if self.ticks % 20 == 0 {
            self.dispatchOutboxes()
            self.retryInterests()
            self.renewQuietInterests(turn: self.ticks / 20)
        }
        if self.ticks % 100 == 0 { self.resolveStaleReservations() }
    }

    /// Deadlines, lost frames, and a new try for what found no leader.
    private func sweep(_ now: NIODeadline) {
        guard !self.pending.isEmpty else { return }
        // In the order of their arrival, so that the order of what is sent follows from it.
        for (request, entry) in self.pending.sorted(by: { $0.key < $1.key }) {
            if now >= entry.deadline {
                self.finish(
                    request, .failure(entry.mayBeApplied ? .outcomeUnknown : .unavailable(retryAfterSeconds: 1)))
            } else if !entry.mayBeApplied,
                entry.deadline - now <= self.settings.commandDeadline - self.settings.parkedMax
            {
                self.finish(request, .failure(.unavailable(retryAfterSeconds: 1)))
            } else if case .forwarded(let node, let since) = entry.state, now - since >= self.settings.forwardTimeout {
                if self.hints[entry.shard] == node { self.hints[entry.shard] = nil }
                self.route(request)
            }
        }
        for shard in self.parked.keys.sorted() {
            if !self.host.holdsReplica(of: shard), self.hint(for: shard) == nil { self.guessHolder(of: shard) }
            self.unpark(shard)
        }
    }

    /// Without a replica here and without a hint: ask the ideal holders in turn.
    func guessHolder(of shard: ShardID) {
        let registry = self.directory.registry
        guard !registry.active.isEmpty else { return }
        let holders = Ring(registry, shardCount: self.shardMap.shardCount).replicas(of: shard)
            .filter { $0 != self.nodeID && self.links.isConnected($0) }
        self.hints[shard] = holders.isEmpty ? nil : holders[Int(self.ticks) % holders.count]
    }

    private func renewHealth() {
        var reasons: [String] = []
        let registry = self.directory.registry
        switch registry[self.nodeID]?.state {
        case .active?: break
        case let state?: reasons.append("this node is \(state.name)")
        case nil: reasons.append("this node has not joined")
        }
        if self.directory.secrets == nil { reasons.append("the directory is not initialised") }
        let leaderless = self.host.shardsWithoutLeader
        if leaderless > 0 { reasons.append("\(leaderless) shards here have no known leader") }
        if self.isDraining { reasons.append("this node is draining") }
        let readiness = Readiness(isReady: reasons.isEmpty, reasons: reasons, condition: self.condition())
        self.health.withLock { $0 = readiness }
    }

    private func condition() -> NodeCondition {
        let found = self.host.condition
        var condition = NodeCondition()
        condition.disk =
            switch found.disk {
            case .sound: .ok
            case .stalled: .slow
            case .full: .full
            }
        condition.snapshotsSending = found.snapshotsSending
        condition.snapshotsReceiving = found.snapshotsReceiving
        condition.shardsRefused = found.shardsRefused
        condition.shardsDamaged = found.shardsDamaged
        condition.shardsBehind = found.shardsBehind
        return condition
    }

    private func renewDirectory() {
        self.isDirectoryStale = false
        guard let machine = self.host.directoryMachine else { return }
        let snapshot = DirectorySnapshot(
            secrets: machine.secrets, registration: machine.registration,
            revokedSessions: machine.revokedSessions, registry: machine.registry,
            accounts: self.areAccountsStale
                ? AccountTable(
                    machine.accounts, usernames: machine.usernames, version: machine.lastApplied.rawValue)
                : self.directory.accounts,
            workspace: machine.workspace)
        self.areAccountsStale = false
        self.activeVersion = machine.registry.activeVersion
        self.snapshot.withLock { $0 = snapshot }
        self.onDirectory?(snapshot)
    }
}
