// How much of its log a replica keeps, and when its projection is made durable so that the rest can go.

import ClusterModel
import DequeModule
import WriteAheadLog

/// Figures of a shard's checkpoints and of the log that is kept behind them. Bytes of the node are those that its
/// write-ahead log was given for all shards: a quiet shard's few entries must not hold back everybody's segments.
package struct RetentionSettings: Sendable {
    /// A follower that lags by less than both is caught up from the log, by more with a snapshot.
    package var keepEntries = 10_000
    package var keepBytes = 8 << 20
    /// Older entries go even if the two above would keep them.
    package var keepNodeBytes: UInt64 = 512 << 20
    /// So do those that were applied so long ago, however few there are: what is erased from the state has then gone from
    /// the log too, which holds every text as it was sent.
    package var keepMilliseconds: UInt64 = 12 * 3_600 * 1_000
    /// A checkpoint is due after so many applied entries or bytes of them,
    package var checkpointEntries = 20_000
    package var checkpointBytes = 16 << 20
    /// or when the node has written so much since the first entry that is not in one,
    package var checkpointNodeBytes: UInt64 = 256 << 20
    /// or when that entry is so old.
    package var checkpointMilliseconds: UInt64 = 5 * 60 * 1_000

    /// A segment of the log that holds entries is left after so long. What is in it goes with its newest entry, so this adds
    /// to how long an entry stays; and a new segment costs its size in zeros.
    package var segmentMilliseconds: UInt64 { max(1, self.keepMilliseconds / 12) }

    package init() {}
}

/// One replica's bookkeeping. Pure. The log is cut at sampled places, a hundred or so for a full window.
struct LogRetention: Sendable {
    private struct Sample {
        let index: LogIndex
        /// Of this shard's entries up to and including it, since the start.
        let bytes: Int
        let nodeBytes: UInt64
        /// When it was applied, by the loop's clock, at the latest. Below zero when that was before the machine's start.
        let milliseconds: Int64
    }

    /// Sampled at least this finely.
    private let entriesEach: Int
    private let bytesEach: Int
    private let millisecondsEach: Int64
    private let settings: RetentionSettings
    private var samples: Deque<Sample> = []
    private(set) var appliedIndex: LogIndex
    /// When that was.
    private var appliedAt: Int64
    /// Up to where the projection would survive a power loss, as far as is known.
    private(set) var durableIndex = LogIndex.zero
    private var releasedIndex = LogIndex.zero
    private var bytes = 0
    private var nodeBytes: UInt64

    /// What the last checkpoint covered, and since when there is more.
    private var checkpoint: (index: LogIndex, bytes: Int)
    private var pendingSince: (milliseconds: UInt64, nodeBytes: UInt64)?
    private(set) var isCheckpointing = false

    /// - Parameter ages: of what stands in the log already.
    init(
        settings: RetentionSettings, appliedIndex: LogIndex, nodeBytes: UInt64, milliseconds: UInt64,
        ages: [WALAge] = []
    ) {
        let now = Int64(clamping: milliseconds)
        self.settings = settings
        self.entriesEach = max(1, settings.keepEntries / 64)
        self.bytesEach = max(1, settings.keepBytes / 128)
        self.millisecondsEach = max(1, Int64(clamping: settings.keepMilliseconds / 24))
        self.appliedIndex = appliedIndex
        self.nodeBytes = nodeBytes
        self.checkpoint = (appliedIndex, 0)
        self.pendingSince = (0, nodeBytes)
        for age in ages where age.through <= appliedIndex && age.through > self.samples.last?.index ?? .zero {
            let then = now - Int64(clamping: min(age.milliseconds, UInt64(Int64.max / 2)))
            self.samples.append(Sample(index: age.through, bytes: 0, nodeBytes: nodeBytes, milliseconds: then))
        }
        if let last = self.samples.last, last.index == appliedIndex {
            self.appliedAt = last.milliseconds
        } else {
            // What stands in the log from before, and says nothing of its age, is as old as this start.
            self.appliedAt = now
            self.samples.append(Sample(index: appliedIndex, bytes: 0, nodeBytes: nodeBytes, milliseconds: now))
        }
    }

    mutating func applied(_ index: LogIndex, bytes: Int, nodeBytes: UInt64, milliseconds: UInt64) {
        let now = Int64(clamping: milliseconds)
        self.appliedIndex = index
        self.appliedAt = now
        self.bytes += bytes
        self.nodeBytes = nodeBytes
        if self.pendingSince == nil { self.pendingSince = (milliseconds, nodeBytes) }
        let last = self.samples.last
        guard
            last.map({
                index.count(since: min($0.index, index)) >= self.entriesEach
                    || self.bytes - $0.bytes >= self.bytesEach
                    || nodeBytes - min($0.nodeBytes, nodeBytes) >= self.settings.keepNodeBytes / 16
                    || now - $0.milliseconds >= self.millisecondsEach
            }) ?? true
        else { return }
        self.samples.append(Sample(index: index, bytes: self.bytes, nodeBytes: nodeBytes, milliseconds: now))
    }

    /// The replica stands somewhere else now: a snapshot took its state's place.
    mutating func restart(at index: LogIndex, nodeBytes: UInt64, milliseconds: UInt64) {
        let isCheckpointing = self.isCheckpointing
        self = LogRetention(
            settings: self.settings, appliedIndex: index, nodeBytes: nodeBytes, milliseconds: milliseconds)
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

    /// A checkpoint that fell short, because somebody read, the disk was full or what was erased could not all be
    /// forgotten, is followed by another, even if nothing more is applied.
    ///
    /// - Parameter durable: up to where the projection would survive a power loss; nil when that is not known.
    mutating func endCheckpoint(durable: LogIndex?, isComplete: Bool, milliseconds: UInt64, nodeBytes: UInt64) {
        self.isCheckpointing = false
        if let durable { self.durableIndex = max(self.durableIndex, durable) }
        if !isComplete || self.durableIndex < self.checkpoint.index, self.pendingSince == nil {
            self.pendingSince = (milliseconds, nodeBytes)
        }
    }

    /// Whether there is something that `release` lets go because of its age alone.
    func isReleaseDue(milliseconds: UInt64) -> Bool {
        guard let first = self.samples.first else {
            return self.appliedIndex > self.releasedIndex && self.isTailOver(milliseconds)
        }
        return first.index <= self.durableIndex && self.isOver(first.milliseconds, milliseconds)
    }

    private func isOver(_ then: Int64, _ milliseconds: UInt64) -> Bool {
        Int64(clamping: milliseconds) - then >= Int64(clamping: self.settings.keepMilliseconds)
    }

    /// What came after the last sample: in a quiet shard there is no other.
    private func isTailOver(_ milliseconds: UInt64) -> Bool {
        self.appliedIndex <= self.durableIndex && self.isOver(self.appliedAt, milliseconds)
    }

    /// What is durable may go, when there is enough behind it or it is old enough.
    ///
    /// - Returns: the last index that the log need not hold any more; nil when nothing new can go.
    mutating func release(nodeBytes: UInt64, milliseconds: UInt64) -> LogIndex? {
        let durable = self.durableIndex
        var last: LogIndex?
        while let sample = self.samples.first, sample.index <= durable {
            let isOld =
                self.appliedIndex.count(since: min(sample.index, self.appliedIndex)) >= self.settings.keepEntries
                || self.bytes - sample.bytes >= self.settings.keepBytes
                || nodeBytes - min(sample.nodeBytes, nodeBytes) >= self.settings.keepNodeBytes
                || self.isOver(sample.milliseconds, milliseconds)
            guard isOld else { break }
            last = sample.index
            self.samples.removeFirst()
        }
        if self.samples.isEmpty, self.isTailOver(milliseconds) { last = self.appliedIndex }
        guard let last, last > self.releasedIndex else { return nil }
        self.releasedIndex = last
        return last
    }
}
