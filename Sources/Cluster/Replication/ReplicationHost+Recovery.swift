// Bringing replicas back: what the projection holds, then what the log adds to it.

import ChatMachine
import ClusterModel
import Logging
import NIOCore
import Placement
import Projections
import Raft
import WriteAheadLog

extension ReplicationHost {
    /// On the loop, before the first tick.
    func bringBack(_ recovery: WALRecovery, founding: Bool) -> Result<Void, ReplicationFailure> {
        do throws(ReplicationFailure) {
            for (shard, recovered) in recovery.shards.sorted(by: { $0.key < $1.key }) {
                guard self.shardMap.contains(shard) else { throw .foreignShard(shard) }
                try self.bringBack(shard, recovered)
            }
            if founding {
                for shard in self.shardMap.shardsAndDirectory
                where self.replicas[Int(shard.rawValue)] == nil && self.dormant[shard] == nil {
                    try self.found(shard)
                }
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func bringBack(_ shard: ShardID, _ recovered: WALRecovery.RecoveredShard) throws(ReplicationFailure) {
        var configurations: [(LogIndex, Configuration)] = []
        for entry in recovered.configurationEntries {
            do throws(WireError) {
                if case .configuration(let configuration) = try entry.entry().payload {
                    configurations.append((entry.index, configuration))
                }
            } catch {
                throw .unknownCommand(shard: shard, index: entry.index, error)
            }
        }
        // Which replica this is, the newest configuration that names this node says. A learner that never
        // received it waits for the leader's next message, which is addressed to its id.
        guard let own = configurations.reversed().lazy.compactMap({ $0.1.member(on: self.node) }).first else {
            self.dormant[shard] = recovered
            return
        }
        try self.startReplica(own.id, of: shard, recovered, configurations)
    }

    /// The first replica of a group that this node founds.
    private func found(_ shard: ShardID) throws(ReplicationFailure) {
        let founding = RecoveredLog.founding(.founding(self.node, epoch: .zero))
        let disk = try self.readDisk(of: shard, nil, self.currentLog)
        _ = self.install(ReplicaID(1), of: shard, disk, founding)
        // Ticket 0 comes before every mark of the core: the log takes one shard's records in order.
        self.enqueue(
            WALAppend(
                shard: shard, ticket: 0,
                hardState: WALHardState(term: founding.hardState.term, votedFor: nil, commitIndex: .zero),
                entries: founding.tail.map(WALEntry.init)))
    }

    private func startReplica(
        _ id: ReplicaID, of shard: ShardID, _ recovered: WALRecovery.RecoveredShard,
        _ configurations: [(LogIndex, Configuration)]
    ) throws(ReplicationFailure) {
        let disk = try self.readDisk(of: shard, recovered, self.currentLog)
        _ = self.install(id, of: shard, disk, disk.log(of: recovered, configurations))
    }

    private func install(
        _ id: ReplicaID, of shard: ShardID, _ disk: ReplicaDisk, _ log: RecoveredLog
    ) -> ShardReplica {
        let replica = ShardReplica(
            shard: shard, host: self,
            raft: RaftReplica(
                id: id, node: self.node, settings: self.settings.raft, recovered: log, seed: self.seed(of: shard)),
            machine: disk.machine, projection: disk.projection, appliedIndex: disk.appliedIndex)
        self.replicas[Int(shard.rawValue)] = replica
        if shard == .directory { self.directoryMachineChanged() }
        return replica
    }

    /// Any thread: what this node's disk has of one replica. Opening a database takes milliseconds, which a loop
    /// that serves 128 others does not have.
    private func readDisk(
        of shard: ShardID, _ recovered: WALRecovery.RecoveredShard?, _ log: any ReplicaLog
    ) throws(ReplicationFailure) -> ReplicaDisk {
        let (machine, projection, applied) = try self.openProjection(shard)
        let lastIndex = recovered?.lastIndex ?? .zero
        guard applied <= lastIndex else {
            throw .projection(
                "shard \(shard) stands at \(applied), beyond the log's end \(lastIndex): the log was "
                    + "replaced or cut; remove the projection file to rebuild it from the log")
        }
        // Everything above the projection is applied again, so the tail begins there.
        let tail = try Self.readTail(shard, from: applied.next(), to: lastIndex.next(), log)
        return ReplicaDisk(
            machine: machine, projection: projection, appliedIndex: applied, lastIndex: lastIndex, tail: tail)
    }

    private static func readTail(
        _ shard: ShardID, from: LogIndex, to: LogIndex, _ log: any ReplicaLog
    ) throws(ReplicationFailure) -> [Entry] {
        var entries: [Entry] = []
        var next = from
        while next < to {
            let page: [WALEntry]
            do throws(WALError) {
                page = try log.read(shard, from: next, to: to, bytesMax: 4 << 20)
            } catch {
                throw .log(error)
            }
            guard let last = page.last else { break }
            for entry in page {
                do throws(WireError) {
                    entries.append(try entry.entry())
                } catch {
                    throw .unknownCommand(shard: shard, index: entry.index, error)
                }
            }
            next = last.index.next()
        }
        return entries
    }

    private func openProjection(
        _ shard: ShardID
    ) throws(ReplicationFailure) -> (ShardMachine, any ReplicaProjection, LogIndex) {
        do throws(ProjectionError) {
            let projection = try self.platform.openProjection(of: shard)
            var machine = ShardMachine(shard: shard, map: self.shardMap)
            try projection.load(into: &machine)
            return (machine, projection, projection.appliedIndex)
        } catch {
            throw .projection("shard \(shard): \(error)")
        }
    }

    /// The replica that a message is for. An unknown group is one that this node has just been given; a
    /// higher replica id is this node, given the group again: the same disk, so the same log goes on.
    func replica(of shard: ShardID, addressed id: ReplicaID) -> ShardReplica? {
        if let replica = self.replicas[Int(shard.rawValue)] {
            return replica.raft.id >= id ? replica : self.readmit(replica, as: id)
        }
        self.add(id, of: shard)
        return nil
    }

    /// Reads the disk elsewhere and installs the replica when that is done. What arrives for it meanwhile is
    /// lost, as on a network; the leader asks again.
    private func add(_ id: ReplicaID, of shard: ShardID) {
        guard self.opening.insert(shard).inserted else { return }
        let recovered = self.dormant.removeValue(forKey: shard)
        let log = self.currentLog
        self.writerPool.submit {
            let disk: ReplicaDisk
            do throws(ReplicationFailure) {
                disk = try self.readDisk(of: shard, recovered, log)
            } catch {
                self.stop(error)
                return
            }
            self.loop.execute {
                self.opening.remove(shard)
                _ = self.install(id, of: shard, disk, disk.log(of: recovered, []))
                self.logger.debug("Replica added", metadata: ["shard": "\(shard)", "raft.replica": "\(id)"])
            }
        }
    }

    private func readmit(_ replica: ShardReplica, as id: ReplicaID) -> ShardReplica? {
        replica.raft.readmit(as: id)
        replica.isDetached = false
        self.logger.info("Replica admitted again", metadata: ["shard": "\(replica.shard)", "raft.replica": "\(id)"])
        return replica
    }

    private func seed(of shard: ShardID) -> UInt64 {
        StableHash.combined(self.node.low ^ UInt64(shard.rawValue), self.platform.chance())
    }
}

/// What one node's disk has of one replica: the state at the projection's index, and the log above it.
struct ReplicaDisk: Sendable {
    let machine: ShardMachine
    let projection: any ReplicaProjection
    let appliedIndex: LogIndex
    let lastIndex: LogIndex
    let tail: [Entry]

    func log(
        of recovered: WALRecovery.RecoveredShard?, _ configurations: [(LogIndex, Configuration)]
    ) -> RecoveredLog {
        RecoveredLog(
            hardState: HardState(
                term: recovered?.hardState?.term ?? .zero, votedFor: recovered?.hardState?.votedFor,
                commitIndex: self.appliedIndex),
            termRuns: (recovered?.termRuns ?? []).map { ($0.first, $0.term) }, lastIndex: self.lastIndex,
            tail: self.tail, configurations: configurations)
    }
}
