// How much of its log a replica keeps, and when its projection is made durable so that the rest can go.

import ClusterModel
import DequeModule

/// Figures of a shard's checkpoints and of the log that is kept behind them. Bytes of the node are those that its
/// write-ahead log was given for all shards: a quiet shard's few entries must not hold back everybody's segments.
package struct RetentionSettings: Sendable {
    /// A follower that lags by less than both is caught up from the log, by more with a snapshot.
    package var keepEntries = 10_000
    package var keepBytes = 8 << 20
    /// Older entries go even if the two above would keep them.
    package var keepNodeBytes: UInt64 = 512 << 20
    /// A checkpoint is due after so many applied entries or bytes of them,
    package var checkpointEntries = 20_000
    package var checkpointBytes = 16 << 20
    /// or when the node has written so much since the first entry that is not in one,
    package var checkpointNodeBytes: UInt64 = 256 << 20
    /// or when that entry is so old.
    package var checkpointMilliseconds: UInt64 = 5 * 60 * 1_000

    package init() {}
}

/// One replica's bookkeeping. Pure. The log is cut at sampled places, a hundred or so for a full window.
struct LogRetention: Sendable {
    private struct Sample {
        let index: LogIndex
        /// Of this shard's entries up to and including it, since the start.
        let bytes: Int
        let nodeBytes: UInt64
    }

    /// Sampled at least this finely.
    private let entriesEach: Int
    private let bytesEach: Int
    private let settings: RetentionSettings
    private var samples: Deque<Sample> = []
    private(set) var appliedIndex: LogIndex
    private var bytes = 0
    private var nodeBytes: UInt64

    /// What the last checkpoint covered, and since when there is more.
    private var checkpoint: (index: LogIndex, bytes: Int)
    private var pendingSince: (milliseconds: UInt64, nodeBytes: UInt64)?
    private(set) var isCheckpointing = false

    init(settings: RetentionSettings, appliedIndex: LogIndex, nodeBytes: UInt64) {
        self.settings = settings
        self.entriesEach = max(1, settings.keepEntries / 64)
        self.bytesEach = max(1, settings.keepBytes / 128)
        self.appliedIndex = appliedIndex
        self.nodeBytes = nodeBytes
        self.checkpoint = (appliedIndex, 0)
        // What stands in the log from before is as old as this start.
        self.samples = [Sample(index: appliedIndex, bytes: 0, nodeBytes: nodeBytes)]
        self.pendingSince = (0, nodeBytes)
    }

    mutating func applied(_ index: LogIndex, bytes: Int, nodeBytes: UInt64, milliseconds: UInt64) {
        self.appliedIndex = index
        self.bytes += bytes
        self.nodeBytes = nodeBytes
        if self.pendingSince == nil { self.pendingSince = (milliseconds, nodeBytes) }
        let last = self.samples.last
        guard
            last.map({
                index.count(since: min($0.index, index)) >= self.entriesEach
                    || self.bytes - $0.bytes >= self.bytesEach
                    || nodeBytes - min($0.nodeBytes, nodeBytes) >= self.settings.keepNodeBytes / 16
            }) ?? true
        else { return }
        self.samples.append(Sample(index: index, bytes: self.bytes, nodeBytes: nodeBytes))
    }

    /// The replica stands somewhere else now: a snapshot took its state's place.
    mutating func restart(at index: LogIndex, nodeBytes: UInt64) {
        let isCheckpointing = self.isCheckpointing
        self = LogRetention(settings: self.settings, appliedIndex: index, nodeBytes: nodeBytes)
        self.isCheckpointing = isCheckpointing
    }

    func isCheckpointDue(milliseconds: UInt64, nodeBytes: UInt64) -> Bool {
        guard !self.isCheckpointing, let since = self.pendingSince else { return false }
        return self.appliedIndex.count(since: min(self.checkpoint.index, self.appliedIndex))
            >= self.settings.checkpointEntries
            || self.bytes - self.checkpoint.bytes >= self.settings.checkpointBytes
            || nodeBytes - min(since.nodeBytes, nodeBytes) >= self.settings.checkpointNodeBytes
            || milliseconds - min(since.milliseconds, milliseconds) >= self.settings.checkpointMilliseconds
    }

    mutating func beginCheckpoint() {
        self.isCheckpointing = true
        self.checkpoint = (self.appliedIndex, self.bytes)
        self.pendingSince = nil
    }

    mutating func endCheckpoint() { self.isCheckpointing = false }

    /// - Parameter durable: up to where the projection would survive a power loss.
    /// - Returns: the last index that the log need not hold any more; nil when nothing new can go.
    mutating func release(durable: LogIndex, nodeBytes: UInt64) -> LogIndex? {
        var last: LogIndex?
        while let sample = self.samples.first, sample.index <= durable {
            let isOld =
                self.appliedIndex.count(since: min(sample.index, self.appliedIndex)) >= self.settings.keepEntries
                || self.bytes - sample.bytes >= self.settings.keepBytes
                || nodeBytes - min(sample.nodeBytes, nodeBytes) >= self.settings.keepNodeBytes
            guard isOld else { break }
            last = sample.index
            self.samples.removeFirst()
        }
        return last == .zero ? nil : last
    }
}
