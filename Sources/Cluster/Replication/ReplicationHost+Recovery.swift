// Bringing replicas back: what the projection holds, then what the log adds to it.

import ChatMachine
import ClusterModel
import Logging
import NIOCore
import Placement
import Projections
import Raft
import Synchronization
import WriteAheadLog

/// A replica of which only its state is still to be read.
private struct KnownReplica: Sendable {
    let shard: ShardID
    let own: Replica
    let isAlone: Bool
    let recovered: WALRecovery.RecoveredShard
    let configurations: [(LogIndex, Configuration)]
}

extension ReplicationHost {
    /// On the loop, before the first tick.
    func bringBack(_ recovery: WALRecovery, founding: Bool) -> Result<Void, ReplicationFailure> {
        for corruption in recovery.corruptions {
            self.logger.error("The log is damaged", metadata: ["wal.corruption": "\(corruption)"])
        }
        do throws(ReplicationFailure) {
            var known: [KnownReplica] = []
            for (shard, recovered) in recovery.shards.sorted(by: { $0.key < $1.key }) {
                guard self.shardMap.contains(shard) else { throw .foreignShard(shard) }
                if let replica = try self.recognise(shard, recovered) { known.append(replica) }
            }
            try self.bringBack(known)
            if founding {
                for shard in self.shardMap.shardsAndDirectory where self.isUnknown(shard) { try self.found(shard) }
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// The disk has nothing to say of this shard.
    private func isUnknown(_ shard: ShardID) -> Bool {
        self.replicas[Int(shard.rawValue)] == nil && self.dormant[shard] == nil && self.refused[shard] == nil
            && self.tombstones[shard] == nil && !self.nameless.contains(shard)
    }

    /// - Returns: nil when there is nothing to read of it.
    private func recognise(
        _ shard: ShardID, _ recovered: WALRecovery.RecoveredShard
    ) throws(ReplicationFailure) -> KnownReplica? {
        if !recovered.tombstone.isEmpty {
            do throws(WireError) {
                self.bury(shard, try ReplicaTombstone(encoded: recovered.tombstone))
            } catch {
                throw .unknownCommand(shard: shard, index: recovered.firstIndex, error)
            }
        }
        guard !recovered.isRemoved else {
            try self.clearAway(shard)
            return nil
        }
        let configurations = try Self.configurations(in: recovered, of: shard)
        // Which replica this is, the newest configuration that names this node says. A learner that never
        // received it waits for the leader's next message, which is addressed to its id.
        let own = configurations.reversed().lazy.compactMap { $0.1.member(on: self.node) }.first
        let isAlone = configurations.last.map { $0.1.isOnlyVoter(self.node) } ?? false
        switch recovered.condition {
        case .damaged(let damage) where isAlone: self.refuse(shard, recovered, Self.reason(damage, recovered))
        case .damaged(.hardStateLost): self.giveUp(shard, own?.id, recovered)
        case .sound, .damaged(.entriesLost):
            if let own {
                return KnownReplica(
                    shard: shard, own: own, isAlone: isAlone, recovered: recovered, configurations: configurations)
            }
            self.dormant[shard] = recovered
        }
        return nil
    }

    /// Their states are what a start takes its time for: they are read on all processors.
    private func bringBack(_ known: [KnownReplica]) throws(ReplicationFailure) {
        let log = self.currentLog
        let disks = Mutex([Result<ReplicaDisk, ReplicationFailure>?](repeating: nil, count: known.count))
        self.platform.forEach(below: known.count) { number in
            let replica = known[number]
            let disk = Result { () throws(ReplicationFailure) in
                try self.readDisk(of: replica.shard, replica.recovered, replica.configurations, log)
            }
            disks.withLock { $0[number] = disk }
        }
        for (replica, disk) in zip(known, disks.withLock { $0 }) {
            if let disk { try self.bringBack(replica, try disk.get()) }
        }
    }

    private func bringBack(_ replica: KnownReplica, _ disk: ReplicaDisk) throws(ReplicationFailure) {
        let shard = replica.shard
        guard !disk.isStateLost || !replica.isAlone else {
            do throws(ProjectionError) {
                try disk.projection.close()
            } catch {
                throw .projection("shard \(shard): \(error)")
            }
            return self.refuse(
                shard, replica.recovered,
                "its projection is lost and its log begins behind index \(disk.baseIndex): nobody else has it")
        }
        self.install(replica.own.id, of: shard, disk, disk.log(of: replica.recovered, replica.configurations))
    }

    private static func reason(_ damage: WALDamage, _ recovered: WALRecovery.RecoveredShard) -> String {
        let range =
            "entries behind index \(recovered.lastIndex)"
            + (recovered.lostThrough.map { ", up to \($0)," } ?? "") + " are damaged in the log"
        return damage == .entriesLost
            ? "\(range) and nobody else has them" : "\(range), term and vote too, and nobody else has them"
    }

    /// A replica whose vote is lost never speaks again. Its leader learns so when it calls.
    private func giveUp(_ shard: ShardID, _ id: ReplicaID?, _ recovered: WALRecovery.RecoveredShard) {
        self.logger.error(
            "A replica has lost its vote and is given up",
            metadata: ["shard": "\(shard)", "raft.replica": "\(id.map { "\($0)" } ?? "unknown")"])
        guard let id else {
            self.nameless.insert(shard)
            return
        }
        let incarnation = (try? Self.configurations(in: recovered, of: shard))?.last?.1.incarnation
        self.bury(shard, ReplicaTombstone(incarnation: incarnation ?? .founding, replica: id))
        self.enqueue(
            WALAppend(shard: shard, ticket: ShardReplica.removalTicket, removal: self.tombstones[shard]?.encoded))
    }

    /// What a deleted replica may have left.
    private func clearAway(_ shard: ShardID) throws(ReplicationFailure) {
        do throws(ProjectionError) {
            try self.platform.shards.removeAll(of: shard)
        } catch {
            throw .projection("shard \(shard): \(error)")
        }
    }

    /// The one in force at the log's base, then those in the log, oldest first.
    static func configurations(
        in recovered: WALRecovery.RecoveredShard, of shard: ShardID
    ) throws(ReplicationFailure) -> [(LogIndex, Configuration)] {
        var index = recovered.firstIndex.previous()
        do throws(WireError) {
            var configurations: [(LogIndex, Configuration)] = []
            if !recovered.note.isEmpty {
                let note = try LogNote(encoded: recovered.note)
                configurations.append((note.index, note.configuration))
            }
            for entry in recovered.configurationEntries {
                index = entry.index
                if case .configuration(let configuration) = try entry.entry().payload {
                    configurations.append((entry.index, configuration))
                }
            }
            return configurations
        } catch {
            throw .unknownCommand(shard: shard, index: index, error)
        }
    }

    /// The first replica of a group that this node founds.
    private func found(_ shard: ShardID) throws(ReplicationFailure) {
        let founding = RecoveredLog.founding(.founding(self.node, epoch: .zero))
        let disk = try self.readDisk(of: shard, nil, [], self.currentLog)
        self.install(ReplicaID(1), of: shard, disk, founding)
        // Ticket 0 comes before every mark of the core: the log takes one shard's records in order.
        self.enqueue(
            WALAppend(
                shard: shard, ticket: 0,
                hardState: WALHardState(term: founding.hardState.term, votedFor: nil, commitIndex: .zero),
                entries: founding.tail.map(WALEntry.init)))
    }

    private func install(_ id: ReplicaID, of shard: ShardID, _ disk: ReplicaDisk, _ log: RecoveredLog) {
        if disk.wasRebuilt { self.statistics.projectionsRebuilt += 1 }
        self.replicas[Int(shard.rawValue)] = ShardReplica(
            shard: shard, host: self,
            raft: RaftReplica(
                id: id, node: self.node, settings: self.settings.raft, recovered: log, seed: self.seed(of: shard)),
            disk: disk)
        if shard == .directory { self.directoryMachineChanged() }
    }

    /// The replica that a message is for. An unknown group is one that this node has just been given; a
    /// higher replica id is this node, given the group again: the same disk, so the same log goes on.
    func replica(for item: RaftBatch.ShardMessage) -> ShardReplica? {
        let message = item.message
        guard self.refused[item.shard] == nil, !self.isBuried(message, of: item.shard) else { return nil }
        guard let replica = self.replicas[Int(item.shard.rawValue)] else {
            self.add(message.to.id, of: item.shard)
            return nil
        }
        guard !replica.isLeaving else { return nil }
        if message.to.id > replica.raft.id,
            replica.raft.readmit(as: message.to.id, incarnation: message.incarnation)
        {
            self.leaderHeard(by: replica)
            self.logger.info(
                "Replica admitted again",
                metadata: ["shard": "\(replica.shard)", "raft.replica": "\(message.to.id)"])
        }
        return replica
    }

    /// Reads the disk elsewhere and installs the replica when that is done. What arrives for it meanwhile is
    /// lost, as on a network; the leader asks again.
    private func add(_ id: ReplicaID, of shard: ShardID) {
        guard self.opening.insert(shard).inserted else { return }
        let recovered = self.dormant.removeValue(forKey: shard)
        let log = self.currentLog
        self.writerPool.submit {
            do throws(ReplicationFailure) {
                let configurations = try recovered.map { recovered throws(ReplicationFailure) in
                    try Self.configurations(in: recovered, of: shard)
                }
                let disk = try self.readDisk(of: shard, recovered, configurations ?? [], log)
                self.loop.execute {
                    self.opening.remove(shard)
                    guard !self.isStopped else { return }
                    self.install(id, of: shard, disk, disk.log(of: recovered, configurations ?? []))
                    self.logger.debug("Replica added", metadata: ["shard": "\(shard)", "raft.replica": "\(id)"])
                }
            } catch {
                self.stop(error)
            }
        }
    }

    /// A refused shard, by an operator's word: what the projection holds and the log adds to it is all there is.
    func resumeWithLoss(_ shard: ShardID, _ recovered: WALRecovery.RecoveredShard) {
        guard self.opening.insert(shard).inserted else { return }
        let log = self.currentLog
        self.writerPool.submit {
            do throws(ReplicationFailure) {
                let configurations = try Self.configurations(in: recovered, of: shard)
                let disk = try self.readDisk(of: shard, recovered, configurations, log, acceptsLoss: true)
                self.loop.execute {
                    self.opening.remove(shard)
                    guard !self.isStopped, let configuration = configurations.last?.1,
                        let own = configuration.member(on: self.node)
                    else { return }
                    let log = self.logAfterLoss(shard, disk, recovered, configurations)
                    self.install(own.id, of: shard, disk, log)
                    self.turn.repaired.append(shard)
                    self.scheduleFlush()
                }
            } catch {
                self.stop(error)
            }
        }
    }

    /// Where the projection holds more than the log, or the log no longer reaches back to it, the log begins anew at
    /// the projection's place.
    private func logAfterLoss(
        _ shard: ShardID, _ disk: ReplicaDisk, _ recovered: WALRecovery.RecoveredShard,
        _ configurations: [(LogIndex, Configuration)]
    ) -> RecoveredLog {
        var log = disk.log(of: recovered, configurations)
        log.isDamaged = false
        guard disk.baseIndex == disk.appliedIndex, disk.baseIndex != recovered.firstIndex.previous(),
            let last = configurations.last
        else { return log }
        let term = max(log.hardState.term, recovered.lastTerm)
        log.hardState.term = term
        log.baseTerm = term
        log.termRuns = []
        log.configurations = [(disk.baseIndex, last.1)]
        self.enqueue(
            WALAppend(
                shard: shard, ticket: 0, hardState: WALHardState(log.hardState),
                restart: WALLogStart(
                    index: disk.baseIndex, term: term,
                    note: LogNote(index: disk.baseIndex, configuration: last.1).encoded)))
        return log
    }

    private func seed(of shard: ShardID) -> UInt64 {
        StableHash.combined(self.node.low ^ UInt64(shard.rawValue), self.platform.chance())
    }
}

extension Configuration {
    /// Nobody else's vote counts.
    func isOnlyVoter(_ node: NodeID) -> Bool {
        !self.voters.isEmpty && self.voters.allSatisfy { $0.node == node }
            && self.outgoing.allSatisfy { $0.node == node }
    }
}
