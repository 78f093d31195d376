import ClusterModel
import Testing

@testable import WriteAheadLog

/// What a disk does to a write under way, and what opening makes of it. `FaultMatrix` has all of it in one table.
@Suite struct FaultTests {
    private static let first = SegmentNumber(1)
    /// Block 0 is the segment's start; each commit below takes three blocks.
    private static let bytesEach = 3_000

    /// Three commits of three blocks each: blocks 1–3, 4–6 and 7–9.
    private func threeCommits() throws(WALError) -> SteppedLog {
        var log = try SteppedLog()
        for commit in UInt64(0)..<3 {
            let range = commit * 3 + 1...commit * 3 + 3
            try log.commit([append(general, vote(1), entries(range, bytes: Self.bytesEach))])
        }
        return log
    }

    private func expectPrefix(_ disk: SimulatedDisk, last: UInt64, torn: Bool, _ comment: Comment? = nil) throws {
        let log = try SteppedLog(disk)
        #expect(log.recovery.shards[general]?.lastIndex == LogIndex(last), comment)
        #expect((log.recovery.tornTail != nil) == torn, comment)
        if last > 0 { #expect(try log.read(general, 1...last) == entries(1...last, bytes: Self.bytesEach), comment) }
    }

    /// Commits once more with a fault; the writer must stop with an error and acknowledge nothing.
    private func cutFourth(_ fault: SimulatedDisk.WriteFault) throws -> SimulatedDisk {
        var log = try self.threeCommits()
        log.disk.failWrite(fault)
        var synced: [SyncedAppend] = []
        #expect(throws: WALError.self) {
            synced = try log.commit([append(general, vote(2), entries(10...12, bytes: Self.bytesEach))])
        }
        #expect(synced.isEmpty)
        return SimulatedDisk(copying: log.disk)
    }

    // MARK: Torn writes

    @Test func `a write torn at any sector is truncated, unless all of it arrived`() throws {
        for sectors in 0..<24 {
            let disk = try self.cutFourth(.power(.sectors { $0 < sectors }))
            try self.expectPrefix(disk, last: 9, torn: sectors > 0, "\(sectors) sectors")
        }
        try self.expectPrefix(try self.cutFourth(.power(.everythingWritten)), last: 12, torn: false)
    }

    @Test func `a write torn at a block's edge is truncated`() throws {
        for blocks in 1...2 {
            let disk = try self.cutFourth(.power(.sectors { $0 < blocks * 8 }))
            try self.expectPrefix(disk, last: 9, torn: true)
        }
    }

    @Test func `a write whose middle was lost is truncated`() throws {
        try self.expectPrefix(try self.cutFourth(.power(.sectors { !(8..<16).contains($0) })), last: 9, torn: true)
        try self.expectPrefix(try self.cutFourth(.power(.sectors { $0 != 13 })), last: 9, torn: true)
    }

    @Test func `a write of which only the end arrived is truncated`() throws {
        try self.expectPrefix(try self.cutFourth(.power(.sectors { $0 >= 8 })), last: 9, torn: true)
        try self.expectPrefix(try self.cutFourth(.power(.sectors { $0 == 23 })), last: 9, torn: true)
    }

    @Test func `a lost unsynced write leaves a clean end`() throws {
        try self.expectPrefix(try self.cutFourth(.power(.nothingWritten)), last: 9, torn: false)
    }

    @Test func `after a torn tail the log goes on in a new segment, and the tail stays void`() throws {
        let disk = try self.cutFourth(.power(.sectors { $0 < 10 }))
        var log = try SteppedLog(disk)
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2)])
        try log.commit([append(general, vote(3), entries(10...10, term: 3))])
        for _ in 0..<2 {
            let again = try SteppedLog(disk)
            #expect(again.recovery.tornTail == nil)
            #expect(again.recovery.shards[general]?.lastIndex == LogIndex(10))
            #expect(again.recovery.shards[general]?.hardState == vote(3))
            #expect(try again.read(general, 10...10) == entries(10...10, term: 3))
        }
    }

    @Test func `a segment's first write that was torn is dropped, and the segment made anew`() throws {
        for sectors in 1..<8 {
            let torn = try self.cutFourth(.power(.sectors { $0 < 10 }))
            // Opening writes the start of segment 2; that is cut off as well.
            torn.failWrite(.power(.sectors { $0 < sectors }))
            #expect(openingError(torn) != nil)
            let disk = SimulatedDisk(copying: torn)
            try self.expectPrefix(disk, last: 9, torn: true)
            try self.expectPrefix(disk, last: 9, torn: false)
        }
    }

    @Test func `the very first write of a log may be torn`() throws {
        for sectors in 0..<8 {
            let disk = SimulatedDisk()
            disk.failWrite(.power(.sectors { $0 < sectors }))
            #expect(openingError(disk) != nil)
            let log = try SteppedLog(SimulatedDisk(copying: disk))
            #expect(log.recovery.shards.isEmpty)
        }
    }

    // MARK: Errors of the disk

    @Test func `EIO while writing, a failed sync and a short write stop the log with what failed`() throws {
        for (fault, failure) in [
            (SimulatedDisk.WriteFault.fails(errorNumber: 5), DiskFailure(.write, segment: Self.first, errorNumber: 5)),
            (.syncFails(errorNumber: 5), DiskFailure(.sync, segment: Self.first, errorNumber: 5)),
            (.short, DiskFailure(.write, segment: Self.first, errorNumber: 0)),
        ] {
            var log = try self.threeCommits()
            log.disk.failWrite(fault)
            #expect(throws: WALError.disk(failure)) { try log.commit([append(general, nil, entries(10...12))]) }
        }
    }

    @Test func `EIO while opening is refused by name, EIO while reading is the reader's error alone`() throws {
        var log = try self.threeCommits()
        log.disk.failReading(5)
        let failure = WALError.disk(DiskFailure(.read, segment: Self.first, errorNumber: 5))
        #expect(openingError(log.disk) == failure)
        #expect(throws: failure) { try log.read(general, 1...2) }
        log.disk.failReading(nil)
        #expect(try log.read(general, 1...2).count == 2)
        #expect(try log.commit([append(general, nil, entries(10...12))]).count == 1)
    }

    @Test func `reading rot back is refused by name`() throws {
        let log = try self.threeCommits()
        log.disk.flipBit(Self.first, byte: 4 * 4_096 + 700)
        #expect(throws: WALError.corrupt(segment: Self.first, byteOffset: 4 * 4_096, reason: .checksum)) {
            try log.read(general, 4...6)
        }
        #expect(try log.read(general, 1...3) == entries(1...3, bytes: Self.bytesEach))
    }

    @Test func `no space for the next segment stops the log, and everything acknowledged stays`() throws {
        var log = try self.threeCommits()
        log.disk.failCreating(28)
        var last: UInt64 = 9
        #expect(throws: WALError.disk(DiskFailure(.create, segment: SegmentNumber(2), errorNumber: 28))) {
            while true {
                try log.commit([append(general, nil, entries(last + 1...last + 1, bytes: Self.bytesEach))])
                last += 1
            }
        }
        #expect(last > 40)
        log.disk.failCreating(nil)
        try self.expectPrefix(log.disk, last: last, torn: false)
    }

    /// Any bytes at all: opening refuses or opens, and never traps.
    @Test(arguments: 0..<40)
    func `no damage makes opening trap or invent entries`(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let log = try self.threeCommits()
        let disk = SimulatedDisk(copying: log.disk)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let start = Int.random(in: 0..<12 * 4_096, using: &generator)
            let bytes = (0..<Int.random(in: 1...600, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            disk.change(Self.first) { $0.replaceSubrange(start..<start + bytes.count, with: bytes) }
        }
        do throws(WALError) {
            let opened = try SteppedLog(disk)
            let shard = opened.recovery.shards[general]
            let last = shard?.lastIndex.rawValue ?? 0
            #expect(last == 9 || shard?.condition != .sound, "shorter and called sound, seed \(seed)")
            if last > 0 { #expect(try opened.read(general, 1...last) == entries(1...last, bytes: Self.bytesEach)) }
        } catch {
            #expect(error.reason != nil, "seed \(seed)")
        }
    }
}
