// What the log needs of a disk. `FileDisk` is the real one; tests have one in memory that fails in every way.

/// The directory of segments.
package protocol LogDisk: AnyObject, Sendable {
    /// In any order.
    func segmentNumbers() throws(DiskFailure) -> [SegmentNumber]
    /// Makes a segment of zeros that is durable, name and all, when this returns.
    func createSegment(_ number: SegmentNumber, blockCount: Int) throws(DiskFailure)
    /// Makes a segment that is no longer needed into a new one of zeros. At no moment does the old content stand under
    /// the new name.
    func recycleSegment(_ old: SegmentNumber, as new: SegmentNumber, blockCount: Int) throws(DiskFailure)
    /// Durable when it returns.
    func removeSegment(_ number: SegmentNumber) throws(DiskFailure)
    /// The time as people have it, in milliseconds since 1970; zero where there is no clock. It may leap.
    var milliseconds: UInt64 { get }
    /// For reading.
    func openSegment(_ number: SegmentNumber) throws(DiskFailure) -> any SegmentFile
    /// Nothing is written any more: another process may have the directory. Calling it again is harmless.
    func unlock()
}

extension LogDisk {
    /// Without a clock: nothing is known to be old.
    package var milliseconds: UInt64 { 0 }
}

/// A segment opened for reading. Any thread.
package protocol SegmentFile: AnyObject, Sendable {
    /// In whole blocks.
    var blockCount: Int { get }
    /// Reads whole blocks; less than asked for is a failure.
    func read(block: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskFailure)
    /// All of the segment will be read soon: begin in the background. A hint alone.
    func readAhead()
    /// Makes what a process before this one wrote durable, and the next read come from the disk itself rather than
    /// from a cache that may hold what the disk refused.
    func settle() throws(DiskFailure)
}

/// One way to write blocks durably, one batch at a time. Belongs to the log's thread.
///
/// Nothing is ever retried: after an error it is unknown what the disk holds, and the process has to end.
package protocol BlockDriver: AnyObject {
    /// For logs and statistics.
    var name: String { get }
    /// Two page-aligned buffers of a batch each: one is filled while the other is written.
    var buffers: [UnsafeMutableRawBufferPointer] { get }
    /// Directs the following writes to a segment.
    func use(_ segment: SegmentNumber) throws(DiskFailure)
    /// Starts to write the first `blocks` blocks of a buffer.
    func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure)
    /// Waits until what `begin` started is durable.
    func finish() throws(DiskFailure)
}

/// Where the log gets its next segment from, and where old ones go. Called by the log's thread.
package protocol SegmentSupply: AnyObject {
    /// Returns when segment `number` stands ready, and sees to the ones after it.
    func take(_ number: SegmentNumber) throws(DiskFailure)
    /// Whether `take` would have it at once.
    func isReady(_ number: SegmentNumber) -> Bool
    /// The segment is not needed any more. Given oldest first.
    func retire(_ number: SegmentNumber)
}
