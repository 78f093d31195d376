// Data's way, step 11: rows travel to SQLite in batches, behind the acknowledgement.

import ChatMachine
import ClusterModel
import Logging
import Projections

extension ShardReplica {
    /// What waits until the projection stands at an index. It holds who asked, and often this replica.
    struct ProjectionWaiter {
        let index: LogIndex
        let run: () -> Void
        let giveUp: () -> Void
    }

    /// Runs `work` on the loop once the projection stands at `index` or later; asks for it at once.
    ///
    /// - Parameter giveUp: runs instead when this replica goes before that.
    func whenProjected(_ index: LogIndex, orElse giveUp: @escaping () -> Void = {}, _ work: @escaping () -> Void) {
        if self.projectedIndex >= index { return work() }
        self.projectionWaiters.append(ProjectionWaiter(index: index, run: work, giveUp: giveUp))
        self.project()
    }

    /// Hands the rows of all entries that are durable here to the writer; one transaction at a time.
    ///
    /// Rows of entries that are committed but not yet fsynced on *this* node wait: after a power loss the
    /// projection must never be ahead of the log that it is a projection of.
    func project() {
        guard !self.isProjecting, !self.isLeaving else { return }
        var last: RowMark?
        // Once: it copies the whole core.
        let synced = self.syncedIndex
        while let mark = self.rowMarks.first, mark.index <= synced {
            last = mark
            self.rowMarks.removeFirst()
        }
        guard let last else { return }
        let rows = self.pendingRows.takeFirst(through: last.end)
        let count = rows.count
        self.isProjecting = true
        let projection = self.projection
        let before = self.projectedIndex
        let generation = self.generation
        self.host.writeProjection(
            rows: count,
            { try projection.write(rows, after: before, appliedIndex: last.index, stateHash: last.stateHash) },
            { [weak self] in self?.projected(last.index, generation) })
    }

    private func projected(_ index: LogIndex, _ generation: UInt64) {
        self.isProjecting = false
        // The rows went to a file that has been given up since.
        guard generation == self.generation else { return self.project() }
        self.projectedIndex = index
        self.projectionReached(index)
        // What is less waits for the next turn of all shards: messages that are indexed together cost less.
        if self.projection.indexLag.rows >= Self.rowsToIndexMin { self.indexTexts() }
    }

    /// Messages that are worth a step of the index at once. A search has as many to bring into each shard's index before
    /// it is answered, some milliseconds of work.
    private static var rowsToIndexMin: Int { 1_024 }

    /// Behind everything else, on the pool for bulk work. A search brings the index up to date by itself, so that
    /// nobody waits for this.
    func indexTexts() {
        let projection = self.projection
        guard !self.isIndexing, !self.isLeaving, projection.wantsIndexing else { return }
        // The host comes back to it every second.
        guard !self.host.defersIndexing(of: self) else { return }
        self.isIndexing = true
        let shard = self.shard
        self.host.run(on: self.host.bulkPool) { () throws(ProjectionError) in
            try projection.index()
        } _: { [weak self] result in
            guard let self else { return }
            self.isIndexing = false
            switch result {
            case .success(true): self.indexTexts()
            // Where the disk is full the next second tries again, and its writer says so.
            case .success(false), .failure(.closed), .failure(.diskFull): break
            case .failure(let error):
                self.host.logger.error(
                    "Indexing texts failed", metadata: ["shard": "\(shard)", "error": "\(error)"])
            }
        }
    }

    func projectionReached(_ index: LogIndex) {
        let waiting = self.projectionWaiters
        self.projectionWaiters.removeAll(keepingCapacity: true)
        for waiter in waiting {
            if waiter.index <= index { waiter.run() } else { self.projectionWaiters.append(waiter) }
        }
        if !self.projectionWaiters.isEmpty || self.isTransactionFull { self.project() }
    }

    /// Enough rows wait to be written at once.
    var isTransactionFull: Bool {
        self.pendingRows.count >= self.host.settings.projectionRowsMax
            || self.pendingRows.bodyBytes >= self.host.settings.projectionBytesMax
    }
}
