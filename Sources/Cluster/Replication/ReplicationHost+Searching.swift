// The index of texts: how far it is behind, and having it made anew.

import ChatMachine
import ChatModel
import ClusterModel
import Logging
import Projections
import Synchronization

/// Whether anybody still waits for a search. Any thread.
package final class SearchTicket: Sendable {
    private let hasEnded = Atomic<Bool>(false)

    package init() {}

    package var isWanted: Bool { !self.hasEnded.load(ordering: .relaxed) }
    /// What of it has not begun never does.
    package func end() { self.hasEnded.store(true, ordering: .relaxed) }
}

/// A step of a search, and for whom.
package struct SearchErrand: Sendable {
    package let step: SearchStep
    package let ticket: SearchTicket

    package init(step: SearchStep, ticket: SearchTicket) {
        self.step = step
        self.ticket = ticket
    }
}

extension ReplicationHost {
    /// Runs a shard's part of a search on the threads of searches, unless as many wait there as may, or nobody wants it
    /// any more when its turn has come.
    func search(
        _ ticket: SearchTicket?, _ work: @escaping @Sendable () throws -> ReadOutcome,
        _ complete: ReadCompletion
    ) {
        self.indexPatience.noteSearch(at: self.milliseconds)
        guard self.searchesWaiting < self.settings.searchesWaitingMax else { return complete(.overloaded) }
        self.searchesWaiting += 1
        self.readProjection(
            on: self.searchPool,
            {
                if let ticket, !ticket.isWanted { return .unavailable }
                return try work()
            },
            .onLoop { outcome in
                self.searchesWaiting -= 1
                complete(outcome)
            })
    }

    /// How far the indices of this node's replicas are behind, together: messages that wait, and since when the one that
    /// waits longest.
    package var indexLag: IndexLag {
        var all = IndexLag()
        for case let replica? in self.replicas where !replica.isLeaving {
            let lag = replica.projection.indexLag
            all.rows += lag.rows
            if let since = lag.since { all.since = min(all.since ?? since, since) }
        }
        return all
    }

    /// Seconds for which the index that waits longest has not had everything; 0 while none waits.
    package var indexLagSeconds: Double {
        self.indexLag.since.map { (ContinuousClock.now - $0) / .seconds(1) } ?? 0
    }
    package var indexLagRows: Int { self.indexLag.rows }

    /// The index of some shard here waits for a calmer moment.
    package var isIndexDeferred: Bool {
        self.replicas.contains { replica in replica.map { self.defersIndexing(of: $0) } ?? false }
    }

    func defersIndexing(of replica: ShardReplica) -> Bool {
        guard self.pressure.isShort else { return false }
        let lag = replica.projection.indexLag
        let waits = lag.since.map { .now - $0 } ?? .zero
        return self.indexPatience.defers(lag, waits: waits, at: self.milliseconds)
    }

    /// On the loop, once a second: what is too little for a step of its own and has waited long enough, and what an earlier
    /// process, or a step that failed, has left to do.
    func indexWhatIsBehind() {
        let now = ContinuousClock.now
        for case let replica? in self.replicas where replica.isCurrent {
            let waits = replica.projection.indexLag.since.map { now - $0 } ?? Self.indexWaitMax
            if waits >= Self.indexWaitMax { replica.indexTexts() }
        }
    }

    /// For a transaction that costs as much as some hundred messages.
    private static var indexWaitMax: Duration { .seconds(3) }

    /// Has the indices of all replicas here made anew, one after the other on the pool for bulk work. Returns at once; a
    /// search says that it is not complete until its shard's index is whole again.
    ///
    /// - Returns: how many.
    @discardableResult
    package func rebuildIndices() -> Int {
        var count = 0
        for case let replica? in self.replicas where replica.isCurrent && !replica.isLeaving {
            count += 1
            replica.rebuildIndex()
        }
        self.logger.notice("Building the index of texts anew", metadata: ["shards": "\(count)"])
        return count
    }
}

extension ShardReplica {
    fileprivate func rebuildIndex() {
        let projection = self.projection
        let shard = self.shard
        self.host.run(on: self.host.bulkPool) { () throws(ProjectionError) in
            try projection.rebuildIndex()
        } _: { [weak self] result in
            guard let self else { return }
            switch result {
            case .success: self.indexTexts()
            // Another file has taken its place, with an index that came with it.
            case .failure(.closed): break
            case .failure(let error):
                self.host.logger.error(
                    "The index of texts could not be forgotten", metadata: ["shard": "\(shard)", "error": "\(error)"])
            }
        }
    }
}
