import ClusterModel

/// Why the log can not be opened, read or carried on.
package enum WALError: Error, Equatable, Sendable {
    /// The disk refused. While writing: the process must end, since nothing is known about what was written.
    /// While reading: fetch the entries from a peer.
    case disk(DiskFailure)
    /// While opening: bytes that read back are not what any writer could have written there, so nothing in the log can
    /// be trusted. The node's replicas have forgotten what they promised: set the log aside and come back under a new
    /// identity. While reading: fetch the entries from a peer.
    case corrupt(segment: SegmentNumber, byteOffset: Int, reason: CorruptionReason)
    /// Written by a version with another format. Start a version that knows it.
    case unknownFormat(segment: SegmentNumber, version: UInt64)
    /// Another process has the directory open.
    case inUse(directory: String)
    /// The settings contradict each other.
    case settings(String)
    /// The entries were released, or replaced by a snapshot. The log begins at `firstIndex`.
    case released(firstIndex: LogIndex)
    /// The entries are not (yet) durable here. The log ends with `lastIndex`.
    case beyondEnd(lastIndex: LogIndex)
    /// More waits for the disk than `WALSettings.queuedBytesMax`.
    case queueOverflow(queuedBytes: Int)
}

/// What is wrong with a block or batch below the synced watermark, or with one that can not be a torn write.
package enum CorruptionReason: Hashable, Sendable {
    /// The block's CRC32C does not match.
    case checksum
    /// A block of zeros where data was durable.
    case zeroed
    /// A sound block of another place, segment or log: a misdirected write, or a stale one of a recycled segment.
    case foreignBlock
    /// The last batch fails its checksum but every sector of it was written: it may have been acknowledged.
    case possiblyAcknowledged
    /// Bytes beyond anything that one interrupted write can have left.
    case unexpectedData
    /// The batch does not follow the one before it.
    case chainBroken
    /// The batch's lengths contradict each other.
    case batchMalformed
    /// A record's lengths contradict each other or its kind does not belong there.
    case recordMalformed
    /// A record of a kind that this version does not know; never skipped.
    case unknownRecord(UInt8)
    /// An entry that does not join the one before it.
    case indexGap
    /// The file is not as long as its header says, or a sealed segment ends before its successor says so.
    case segmentLength
    /// A segment's header disagrees with the records before it.
    case headerDisagrees
    /// A segment between the oldest and the newest is gone.
    case missing
    /// The place where an entry was written holds another record.
    case wrongEntry
}

/// One segment file, counted up from 1 and never reused.
package struct SegmentNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package func next() -> SegmentNumber { SegmentNumber(self.rawValue + 1) }
    package static func < (left: SegmentNumber, right: SegmentNumber) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "\(self.rawValue)" }
}

/// A system call on the log's directory or files that did not do what it should.
package struct DiskFailure: Error, Hashable, Sendable {
    package enum Operation: String, Hashable, Sendable {
        case openDirectory, syncDirectory, list, lock, create, recycle, remove, open, read, write, sync, prepareDriver
    }

    package var operation: Operation
    package var segment: SegmentNumber?
    /// The system's error number; 0 when it reported success but did less than it was asked to.
    package var errorNumber: Int32

    package init(_ operation: Operation, segment: SegmentNumber? = nil, errorNumber: Int32) {
        self.operation = operation
        self.segment = segment
        self.errorNumber = errorNumber
    }
}
