// What one node's disk has of one replica, file and log taken together.

import ChatMachine
import ClusterModel
import Logging
import Projections
import Raft
import WriteAheadLog

/// The state at the projection's index, and the log above it.
struct ReplicaDisk: Sendable {
    var machine: ShardMachine
    var projection: any ReplicaProjection
    var appliedIndex: LogIndex
    /// Just before the log's first entry.
    var baseIndex: LogIndex
    var lastIndex: LogIndex
    /// The entries above the state, or all of the log where that begins behind the state.
    var tail: [Entry]
    var configurations = ConfigurationHistory()
    /// Of what the log holds.
    var ages: [WALAge] = []
    /// The projection was damaged, and is built anew.
    var wasRebuilt = false

    /// The log does not reach back to the state: somebody else's has to take its place.
    var isStateLost: Bool { self.appliedIndex < self.baseIndex }

    func log(
        of recovered: WALRecovery.RecoveredShard?, _ configurations: [(LogIndex, Configuration)]
    ) -> RecoveredLog {
        RecoveredLog(
            hardState: HardState(
                term: recovered?.hardState?.term ?? .zero, votedFor: recovered?.hardState?.votedFor,
                commitIndex: max(self.appliedIndex, self.baseIndex)),
            baseIndex: self.baseIndex, baseTerm: recovered?.baseTerm ?? .zero,
            termRuns: (recovered?.termRuns ?? []).map { ($0.first, $0.term) }, lastIndex: self.lastIndex,
            tail: self.tail, configurations: configurations,
            isDamaged: recovered.map { $0.condition != .sound } ?? false)
    }
}

extension ReplicationHost {
    /// Any thread: what this node's disk has of one replica. Opening a database takes milliseconds, which a loop
    /// that serves 128 others does not have.
    ///
    /// - Parameter acceptsLoss: the only copy, by an operator's word: whatever the projection holds is the state.
    func readDisk(
        of shard: ShardID, _ recovered: WALRecovery.RecoveredShard?, _ configurations: [(LogIndex, Configuration)],
        _ log: any ReplicaLog, acceptsLoss: Bool = false
    ) throws(ReplicationFailure) -> ReplicaDisk {
        let base = recovered?.firstIndex.previous() ?? .zero
        let last = recovered?.lastIndex ?? .zero
        let isDamaged = recovered.map { $0.condition != .sound } ?? false
        var disk: ReplicaDisk
        do throws(ProjectionError) {
            disk = try self.openState(of: shard, logBase: base)
            disk.baseIndex = base
            if disk.appliedIndex > last, isDamaged, !acceptsLoss {
                // The log lost entries that the projection has. A group that has them too gives them back in order.
                disk = try self.openAnew(shard, "it is ahead of a log that was damaged", closing: disk.projection)
                disk.baseIndex = base
            }
            if disk.isStateLost || disk.appliedIndex > last, acceptsLoss {
                return try self.stateAfterLoss(disk, last, configurations)
            }
        } catch {
            throw .projection("shard \(shard): \(error)")
        }
        guard disk.appliedIndex <= last else {
            throw .projection(
                "shard \(shard) stands at \(disk.appliedIndex), beyond the log's end \(last): the log was "
                    + "replaced or cut, and lacks what this node has acknowledged and promised; empty the data "
                    + "folder, so that the node joins anew and gets everything from the others")
        }
        disk.lastIndex = last
        disk.ages = recovered?.ages ?? []
        // Everything above the state is applied again, so the tail begins there.
        let from = max(disk.appliedIndex, base).next()
        disk.tail = try Self.readTail(shard, from: from, to: last.next(), log)
        if let end = disk.tail.last?.index ?? (from > last ? last : nil), end < last {
            throw .projection("shard \(shard): the log reads back to \(end) only, of \(last)")
        }
        for (index, configuration) in configurations where index <= max(disk.appliedIndex, base) {
            disk.configurations.committed(configuration, at: index)
        }
        return disk
    }

    /// The projection, or the snapshot that was about to take its place.
    private func openState(of shard: ShardID, logBase: LogIndex) throws(ProjectionError) -> ReplicaDisk {
        let store = self.platform.shards
        let sealed: LogIndex?
        do throws(ProjectionError) {
            sealed = try store.sealedIndex(of: shard)
        } catch {
            guard error.isDamage else { throw error }
            sealed = .zero
        }
        var disk = try self.open(shard)
        guard let sealed else { return disk }
        // The log begins at the sealed file's place: the switch had been decided and is finished here. Any other
        // such file is one that nobody has decided on.
        if sealed == logBase, sealed > disk.appliedIndex {
            try disk.projection.close()
            try store.switchToSealed(of: shard)
            disk = try self.open(shard)
            self.logger.info(
                "Finished the installation of a snapshot",
                metadata: ["shard": "\(shard)", "raft.index": "\(sealed)"])
        } else {
            try store.removeIncoming(of: shard)
        }
        return disk
    }

    private func open(_ shard: ShardID) throws(ProjectionError) -> ReplicaDisk {
        do throws(ProjectionError) {
            let projection = try self.platform.openProjection(of: shard)
            var machine = self.emptyMachine(of: shard)
            do throws(ProjectionError) {
                try projection.load(into: &machine)
            } catch {
                try projection.close()
                throw error
            }
            return ReplicaDisk(
                machine: machine, projection: projection, appliedIndex: projection.appliedIndex, baseIndex: .zero,
                lastIndex: .zero, tail: [])
        } catch {
            guard error.isDamage else { throw error }
            return try self.openAnew(shard, "\(error)", closing: nil)
        }
    }

    /// A projection is built from the log, or from a peer: a damaged one is not worth keeping.
    private func openAnew(
        _ shard: ShardID, _ reason: String, closing old: (any ReplicaProjection)?
    ) throws(ProjectionError) -> ReplicaDisk {
        self.logger.error(
            "A projection is deleted and built anew", metadata: ["shard": "\(shard)", "reason": "\(reason)"])
        try old?.close()
        // Not the sealed file: it may be the one that takes this one's place.
        try self.platform.shards.removeProjection(of: shard)
        let projection = try self.platform.openProjection(of: shard)
        return ReplicaDisk(
            machine: self.emptyMachine(of: shard), projection: projection, appliedIndex: .zero,
            baseIndex: .zero, lastIndex: .zero, tail: [], wasRebuilt: true)
    }

    /// The log goes on behind whichever is further, the projection or the log.
    private func stateAfterLoss(
        _ disk: ReplicaDisk, _ last: LogIndex, _ configurations: [(LogIndex, Configuration)]
    ) throws(ProjectionError) -> ReplicaDisk {
        var disk = disk
        let index = max(disk.appliedIndex, last)
        if index > disk.appliedIndex {
            try disk.projection.write(QueuedRows(), after: nil, appliedIndex: index, stateHash: disk.machine.stateHash)
            disk.machine.finishRestoring(appliedIndex: index, stateHash: disk.machine.stateHash)
        }
        disk.appliedIndex = index
        disk.baseIndex = index
        disk.lastIndex = index
        if let configuration = configurations.last?.1 { disk.configurations.restart(at: index, configuration) }
        return disk
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
}

extension ProjectionError {
    /// The file itself is no good; another built in its place would be.
    var isDamage: Bool {
        switch self {
        case .corrupt, .unrestorable: true
        case .unknownSchema, .wrongShard, .notContiguous, .closed, .diskFull, .noDescriptor, .storage: false
        }
    }
}
