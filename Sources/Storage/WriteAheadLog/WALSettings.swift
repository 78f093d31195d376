/// How a log is laid out and driven. Sizes are in bytes.
package struct WALSettings: Sendable {
    /// Which way to the disk.
    package enum Driver: Sendable {
        /// io_uring when a probe write succeeds, else pwrite.
        case automatic
        /// io_uring; opening fails where the kernel forbids it.
        case ioURing
        /// pwrite and fdatasync.
        case pwrite
    }

    package var driver: Driver = .automatic
    /// The size of a new segment; a multiple of 4 KiB. Segments of another size are still read.
    package var segmentBytes = 64 << 20
    /// The most that one group commit writes; a multiple of 4 KiB. Two buffers of it are kept (and locked in memory
    /// for io_uring).
    package var batchBytes = 2 << 20
    /// Zero-filled segments that are kept ready.
    package var spareSegments = 1
    /// The highest shard id plus one: of those that the node may hold, since after damage of unknown extent all of
    /// them are reported.
    package var shardCountMax = 257
    /// The longest note. Every segment begins with the notes of all shards.
    package var noteBytesMax = 4_096
    /// The longest tombstone.
    package static let tombstoneBytesMax = 64
    /// How much may wait for the disk. More is fatal: the host did not heed `queuedBytes` while the disk hung.
    package var queuedBytesMax = 256 << 20
    /// After this long without work a marker is written that vouches for the last batch; nil for never.
    package var idleMarkerAfter: Duration? = .milliseconds(50)
    /// A segment that is so old when the log is opened is left for a new one, by the disk's clock; nil for never. While the
    /// log is open the host says when, see `WriteAheadLog.rollOver`.
    package var segmentMillisecondsMax: UInt64?
    /// Kinds of entries that recovery hands back whole: Raft configurations.
    package var retainedKinds: Set<UInt8> = []

    /// Mistakes to make, for the simulator to find. Empty in every other use.
    package var faults: Faults = []

    package struct Faults: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The host releases entries that its projection does not hold durably. Made by the simulated host.
        package static let releasesUnapplied = Faults(rawValue: 1 << 0)
        /// A new segment's first batch leaves out the hard states of shards that hold no entry.
        package static let forgetsHardStates = Faults(rawValue: 1 << 1)
        /// What does not read back counts as never written.
        package static let truncatesSilently = Faults(rawValue: 1 << 2)
        /// A sync that failed is tried again and believed.
        package static let retriesSync = Faults(rawValue: 1 << 3)
    }

    package init() {}

    /// For a node that may hold shards with ids below `count`: with notes as long as a segment's first batch allows.
    package init(shardCount count: Int) {
        self.shardCountMax = count
        let each = Self.streamBytes(self.batchBytes) / count - SegmentStart.shardBytes
        self.noteBytesMax = min(self.noteBytesMax, max(0, each - 1))
    }

    /// The longest payload of an entry that one batch can hold.
    package var payloadBytesMax: Int {
        Self.streamBytes(self.batchBytes) - BatchHead.bytes - RecordHead.bytes
    }

    /// What fits into the blocks of `bytes` beside their headers.
    private static func streamBytes(_ bytes: Int) -> Int {
        bytes / BlockFormat.blockBytes * BlockFormat.payloadBytes
    }

    var segmentBlocks: Int { self.segmentBytes / BlockFormat.blockBytes }
    var batchBlocks: Int { self.batchBytes / BlockFormat.blockBytes }

    /// Refuses settings that could not work, by name.
    func validate() throws(WALError) {
        func require(_ condition: Bool, _ text: @autoclosure () -> String) throws(WALError) {
            guard condition else { throw .settings(text()) }
        }
        try require(
            self.segmentBytes % BlockFormat.blockBytes == 0 && self.segmentBytes <= 1 << 30,
            "segmentBytes is a multiple of 4096, at most 1 GiB")
        try require(
            self.batchBytes % BlockFormat.blockBytes == 0 && self.batchBytes > 0
                && self.batchBlocks <= BlockFormat.batchBlocksMax,
            "batchBytes is a multiple of 4096, at most 16 MiB")
        try require(self.batchBytes * 2 <= self.segmentBytes, "a segment holds at least two batches")
        try require(
            (1...65_536).contains(self.shardCountMax)
                && SegmentStart.streamBytes(shards: self.shardCountMax, noteBytes: self.noteBytesMax)
                    <= Self.streamBytes(self.batchBytes),
            "the hard states and notes of \(self.shardCountMax) shards fit into one batch")
        try require((1...64).contains(self.spareSegments), "spareSegments is in 1...64")
        try require(self.queuedBytesMax > 0, "queuedBytesMax is positive")
    }
}
