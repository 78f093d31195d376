import ClusterModel
import Testing

@testable import WriteAheadLog

/// The fault matrix of the log: what the disk does, where it does it, and what opening says to it.
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

    // MARK: Damage to what was durable

    struct Spot: CustomTestStringConvertible, Sendable {
        let name: String
        let byte: Int
        var testDescription: String { self.name }
    }

    /// In every part of a block and of a batch.
    static let spots = [
        Spot(name: "checksum", byte: 1), Spot(name: "magic", byte: 4), Spot(name: "identity", byte: 9),
        Spot(name: "segment", byte: 16), Spot(name: "block number", byte: 20), Spot(name: "batch start", byte: 24),
        Spot(name: "batch length", byte: 28), Spot(name: "watermark", byte: 33), Spot(name: "reserved", byte: 37),
        Spot(name: "record bytes", byte: 40), Spot(name: "record count", byte: 44), Spot(name: "chain", byte: 48),
        Spot(name: "record head", byte: 57), Spot(name: "record length", byte: 61), Spot(name: "payload", byte: 500),
        Spot(name: "middle block", byte: 4_096 + 2_000), Spot(name: "last block", byte: 2 * 4_096 + 30),
        Spot(name: "padding", byte: 3 * 4_096 - 1),
    ]

    @Test(arguments: spots)
    func `a flipped bit below the watermark is refused by name`(spot: Spot) throws {
        for (start, segmentByte) in [(0, 0), (1, 4_096), (4, 4 * 4_096)] {
            let log = try self.threeCommits()
            let byte = start == 0 ? spot.byte % 4_096 : segmentByte + spot.byte
            log.disk.flipBit(Self.first, byte: byte)
            let expected = WALError.corrupt(
                segment: Self.first, byteOffset: byte / 4_096 * 4_096, reason: .checksum)
            #expect(openingError(log.disk) == expected)
        }
    }

    @Test(arguments: spots)
    func `a flipped bit in the last batch is refused, since it may have been acknowledged`(spot: Spot) throws {
        let log = try self.threeCommits()
        log.disk.flipBit(Self.first, byte: 7 * 4_096 + spot.byte)
        #expect(openingError(log.disk)?.reason == .possiblyAcknowledged)
    }

    @Test func `a zeroed block below the watermark is refused`() throws {
        for block in [0, 1, 2, 5] {
            let log = try self.threeCommits()
            log.disk.zero(Self.first, bytes: block * 4_096..<(block + 1) * 4_096)
            #expect(
                openingError(log.disk)
                    == .corrupt(segment: Self.first, byteOffset: block * 4_096, reason: .zeroed), "block \(block)")
        }
    }

    @Test func `a zeroed sector below the watermark is refused`() throws {
        let log = try self.threeCommits()
        log.disk.zero(Self.first, bytes: 5 * 4_096 + 512..<5 * 4_096 + 1_024)
        #expect(openingError(log.disk) == .corrupt(segment: Self.first, byteOffset: 5 * 4_096, reason: .checksum))
    }

    @Test func `a marker vouches for the last batch, so even zeros in it are refused`() throws {
        let log = try self.threeCommits()
        try log.engine.mark()
        log.disk.zero(Self.first, bytes: 7 * 4_096..<10 * 4_096)
        #expect(openingError(log.disk) == .corrupt(segment: Self.first, byteOffset: 7 * 4_096, reason: .zeroed))
    }

    @Test func `a write that the disk lost is refused once a later one stands behind it`() throws {
        var log = try self.threeCommits()
        log.disk.failWrite(.lost)
        try log.commit([append(general, nil, entries(10...12, bytes: Self.bytesEach))])
        try log.commit([append(general, nil, entries(13...13))])
        #expect(openingError(log.disk) == .corrupt(segment: Self.first, byteOffset: 10 * 4_096, reason: .zeroed))
    }

    @Test func `a misdirected write is refused`() throws {
        var log = try self.threeCommits()
        log.disk.failWrite(.misdirected(byBlocks: 5))
        try log.commit([append(general, nil, entries(10...12, bytes: Self.bytesEach))])
        #expect(openingError(log.disk) == .corrupt(segment: Self.first, byteOffset: 15 * 4_096, reason: .foreignBlock))
    }

    @Test func `a block over another one is refused`() throws {
        let log = try self.threeCommits()
        log.disk.copyBlock(from: (Self.first, 4), to: (Self.first, 7))
        #expect(openingError(log.disk) == .corrupt(segment: Self.first, byteOffset: 7 * 4_096, reason: .foreignBlock))
        log.disk.copyBlock(from: (Self.first, 4), to: (Self.first, 2))
        #expect(openingError(log.disk) == .corrupt(segment: Self.first, byteOffset: 2 * 4_096, reason: .foreignBlock))
    }

    @Test func `a stale block of a recycled segment is refused, at the tail as well`() throws {
        var log = try self.threeCommits()
        let stale = Array(log.disk.content(Self.first)[4_096..<8_192])
        for round in UInt64(0)..<40 {
            try log.commit([append(general, nil, entries(round + 10...round + 10, bytes: 9_000))])
        }
        let newest = try #require(log.disk.numbers.last)
        #expect(newest > Self.first)
        log.disk.change(newest) { $0.replaceSubrange(60 * 4_096..<61 * 4_096, with: stale) }
        #expect(openingError(log.disk) == .corrupt(segment: newest, byteOffset: 60 * 4_096, reason: .foreignBlock))
    }

    @Test func `bytes far behind the tail are refused`() throws {
        let log = try self.threeCommits()
        log.disk.change(Self.first) { $0[50 * 4_096 + 3] = 7 }
        // One interrupted write could reach that far, so it counts as one: nothing of it was acknowledged.
        try self.expectPrefix(log.disk, last: 9, torn: true)

        let whole = try self.threeCommits()
        whole.disk.failWrite(.power(.sectors { $0 < 9 }))
        var cut = whole
        #expect(throws: WALError.self) {
            try cut.commit([append(general, nil, entries(10...12, bytes: Self.bytesEach))])
        }
        let disk = SimulatedDisk(copying: whole.disk)
        disk.change(Self.first) { $0[50 * 4_096 + 3] = 7 }
        #expect(openingError(disk) == .corrupt(segment: Self.first, byteOffset: 50 * 4_096, reason: .unexpectedData))
    }

    @Test func `damage in a sealed segment is refused`() throws {
        var log = try self.threeCommits()
        for round in UInt64(0)..<40 {
            try log.commit([append(general, nil, entries(round + 10...round + 10, bytes: 9_000))])
        }
        let last = (0..<64).last { block in
            log.disk.content(Self.first)[block * 4_096..<(block + 1) * 4_096].contains { $0 != 0 }
        }
        for block in [0, 30, try #require(last)] {
            let disk = SimulatedDisk(copying: log.disk)
            disk.flipBit(Self.first, byte: block * 4_096 + 100)
            #expect(openingError(disk) == .corrupt(segment: Self.first, byteOffset: block * 4_096, reason: .checksum))
            disk.zero(Self.first, bytes: block * 4_096..<(block + 1) * 4_096)
            #expect(openingError(disk) == .corrupt(segment: Self.first, byteOffset: block * 4_096, reason: .zeroed))
        }
        let disk = SimulatedDisk(copying: log.disk)
        disk.zero(SegmentNumber(2), bytes: 0..<4_096)
        #expect(openingError(disk)?.reason == .zeroed)
    }

    @Test func `missing and shortened segments are refused`() throws {
        var log = try self.threeCommits()
        for round in UInt64(0)..<100 {
            try log.commit([append(general, nil, entries(round + 10...round + 10, bytes: 9_000))])
        }
        #expect(log.disk.numbers.count > 3)
        let middle = SimulatedDisk(copying: log.disk)
        middle.remove(SegmentNumber(2))
        #expect(openingError(middle) == .segmentMissing(SegmentNumber(2)))

        let oldest = SimulatedDisk(copying: log.disk)
        oldest.remove(Self.first)
        #expect(openingError(oldest) == .entriesMissing(general, from: LogIndex(1)))

        let short = SimulatedDisk(copying: log.disk)
        short.change(SegmentNumber(2)) { $0.removeLast(40 * 4_096) }
        #expect(openingError(short)?.reason == .segmentLength)

        let newest = SimulatedDisk(copying: log.disk)
        newest.change(newest.numbers.last!) { $0.removeAll() }
        #expect(openingError(newest)?.reason == .segmentLength)
    }

    @Test func `a segment of another log is refused`() throws {
        let log = try self.threeCommits()
        var other = try SteppedLog()
        for round in UInt64(0)..<40 {
            try other.commit([append(general, nil, entries(round + 1...round + 1, bytes: 9_000))])
        }
        let foreign = other.disk.content(SegmentNumber(2))
        try log.disk.createSegment(SegmentNumber(2), blockCount: 64)
        log.disk.change(SegmentNumber(2)) { $0 = foreign }
        #expect(openingError(log.disk)?.reason != nil)
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
            let last = opened.recovery.shards[general]?.lastIndex.rawValue ?? 0
            #expect(last == 9, "a shorter log may not open when nothing was torn, seed \(seed)")
        } catch {
            #expect(error.reason != nil, "seed \(seed)")
        }
    }
}
