import Failpoints

/// The log's thread: waits for work, drives the engine, tells the host.
///
/// Handed to that thread once, before it starts, and touched by nothing else from then on; so it is Sendable.
final class Committer: @unchecked Sendable {
    private let engine: LogEngine
    private let queue: SubmissionQueue
    private let settings: WALSettings
    private let onSynced: @Sendable ([SyncedAppend]) -> Void
    private let onFatal: @Sendable (WALError) -> Void

    init(
        engine: LogEngine, queue: SubmissionQueue, settings: WALSettings,
        onSynced: @escaping @Sendable ([SyncedAppend]) -> Void, onFatal: @escaping @Sendable (WALError) -> Void
    ) {
        self.engine = engine
        self.queue = queue
        self.settings = settings
        self.onSynced = onSynced
        self.onFatal = onFatal
    }

    func run() {
        do throws(WALError) {
            try self.loop()
            self.queue.end()
        } catch {
            self.queue.end()
            self.onFatal(error)
        }
    }

    private func loop() throws(WALError) {
        while true {
            try self.commitAll()
            let timeout = self.engine.wantsMarker ? self.settings.idleMarkerAfter : nil
            switch self.queue.wait(timeout: timeout) {
            case .work(let work): self.engine.accept(work)
            case nil: try self.engine.mark()
            case .overflow(let queuedBytes): throw .queueOverflow(queuedBytes: queuedBytes)
            case .close:
                // So that the last batch of a clean stop is vouched for.
                try self.engine.mark()
                return
            }
        }
    }

    private func commitAll() throws(WALError) {
        self.engine.fill()
        while self.engine.hasWork {
            let begun = ContinuousClock.now
            guard self.engine.hasBatch else {
                try self.engine.roll()
                self.engine.fill()
                continue
            }
            try self.engine.begin()
            self.acceptMore()
            let synced = try self.engine.finish()
            // Whatever came during the write joins the next batch before that one starts.
            self.acceptMore()
            self.queue.committed(
                self.engine.statistics, bytes: self.engine.finishedBytes, latency: ContinuousClock.now - begun,
                begun: begun, isIdle: !self.engine.hasWork)
            guard !synced.isEmpty else { continue }
            Failpoints.hit(.walCompletionBefore)
            self.onSynced(synced)
            Failpoints.hit(.walCompletionAfter)
        }
        self.queue.settled(self.engine.statistics)
    }

    private func acceptMore() {
        if let work = self.queue.take() { self.engine.accept(work) }
        self.engine.fill()
    }
}
