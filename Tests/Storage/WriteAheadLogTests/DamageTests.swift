import ClusterModel
import Testing

@testable import WriteAheadLog

/// What damage to durable bytes costs, shard by shard.
@Suite struct DamageTests {
    private static let first = SegmentNumber(1)
    private static let quiet = ShardID(5)

    /// Blocks 1: votes of all. 2–4: general 1–3. 5–7: random 1–3. 8–10: general 4–6. 11: a marker.
    private func base() throws -> SteppedLog {
        var log = try SteppedLog()
        try log.commit([append(Self.quiet, vote(2, for: 3)), append(general, vote(1, for: 1)), append(random, vote(1))])
        try log.commit([append(general, nil, entries(1...3, bytes: 3_000))])
        try log.commit([append(random, nil, entries(1...3, bytes: 3_000))])
        try log.commit([append(general, nil, entries(4...6, bytes: 3_000))])
        try log.engine.mark()
        return log
    }

    private func condition(_ log: SteppedLog, _ shard: ShardID) -> WALCondition? {
        log.recovery.shards[shard]?.condition
    }

    @Test func `a bad block costs the shards of its batch their later entries, and nobody else anything`() throws {
        let disk = try self.base().disk
        disk.flipBit(Self.first, byte: 3 * 4_096 + 700)
        let log = try SteppedLog(disk)
        let shard = try #require(log.recovery.shards[general])
        #expect(shard.condition == .damaged(.entriesLost))
        #expect(shard.hardState == vote(1, for: 1))
        #expect(shard.lastIndex == .zero && shard.lostThrough == LogIndex(6))
        #expect(self.condition(log, random) == .sound && self.condition(log, Self.quiet) == .sound)
        #expect(try log.read(random, 1...3) == entries(1...3, bytes: 3_000))
        #expect(log.recovery.corruptions.map(\.reason) == [.checksum])
        #expect(log.recovery.corruptions.first?.bytes == 2 * 4_096..<5 * 4_096)
    }

    @Test func `the entries before a loss are kept`() throws {
        let disk = try self.base().disk
        disk.zero(Self.first, bytes: 8 * 4_096..<11 * 4_096)
        let log = try SteppedLog(disk)
        #expect(self.condition(log, general) == .damaged(.entriesLost))
        #expect(try log.read(general, 1...3) == entries(1...3, bytes: 3_000))
        #expect(log.recovery.shards[general]?.lastIndex == LogIndex(3))
        #expect(self.condition(log, random) == .sound)
    }

    @Test func `a loss that may hold a vote makes the replica gone`() throws {
        let disk = try self.base().disk
        disk.zero(Self.first, bytes: 4_096..<8_192)
        let log = try SteppedLog(disk)
        for shard in [general, random, Self.quiet] {
            #expect(self.condition(log, shard) == .damaged(.hardStateLost))
        }
    }

    @Test func `a later segment's first batch gives a lost vote back`() throws {
        var log = try self.base()
        try log.engine.roll()
        try log.commit([append(general, nil, entries(7...7))])
        let disk = log.disk
        disk.zero(Self.first, bytes: 4_096..<8_192)
        let again = try SteppedLog(disk)
        #expect(self.condition(again, Self.quiet) == .sound)
        #expect(again.recovery.shards[Self.quiet]?.hardState == vote(2, for: 3))
        #expect(self.condition(again, general) == .sound && self.condition(again, random) == .sound)
        #expect(try again.read(general, 1...6) == entries(1...6, bytes: 3_000))
        #expect(!again.recovery.corruptions.isEmpty)
    }

    @Test func `what was lost after it was released hurts nobody`() throws {
        var log = try self.base()
        try log.release(general, below: LogIndex(4), note: [9])
        log.disk.flipBit(Self.first, byte: 2 * 4_096 + 900)
        let again = try SteppedLog(log.disk)
        let shard = try #require(again.recovery.shards[general])
        #expect(shard.condition == .sound && shard.firstIndex == LogIndex(4) && shard.note == [9])
        #expect(shard.baseTerm == Term(1))
        #expect(try again.read(general, 4...6) == entries(4...6, bytes: 3_000))
    }

    @Test func `a snapshot after a loss heals it`() throws {
        var log = try self.base()
        var install = append(general, nil, entries(101...101, term: 4))
        install.restart = WALLogStart(index: LogIndex(100), term: Term(3), note: [1])
        try log.commit([install])
        log.disk.flipBit(Self.first, byte: 2 * 4_096 + 900)
        let again = try SteppedLog(log.disk)
        #expect(self.condition(again, general) == .sound)
        #expect(try again.read(general, 101...101) == entries(101...101, term: 4))
    }

    @Test func `damage stays said over every restart until it is repaired`() throws {
        let disk = try self.base().disk
        disk.flipBit(Self.first, byte: 3 * 4_096 + 700)
        var log = try SteppedLog(disk)
        #expect(disk.numbers.count == 2, "the truth stands in a new segment")
        try log.commit([append(general, nil, entries(1...4, term: 2, bytes: 100))])
        for _ in 0..<2 {
            let again = try SteppedLog(disk)
            #expect(self.condition(again, general) == .damaged(.entriesLost))
            #expect(try again.read(general, 1...4) == entries(1...4, term: 2, bytes: 100))
        }
        log = try SteppedLog(disk)
        log.engine.accept([.repaired(general)])
        log.engine.fill()
        _ = try log.engine.commit()
        for _ in 0..<2 {
            let again = try SteppedLog(disk)
            #expect(self.condition(again, general) == .sound)
            try again.engine.roll()
        }
    }

    @Test func `a removed replica leaves a tombstone and nothing else, and a new one keeps it`() throws {
        var log = try self.base()
        var removal = append(general)
        removal.removal = [7, 7]
        try log.commit([removal])
        try log.engine.roll()
        #expect(throws: WALError.self) { try log.read(general, 1...1) }
        for round in 0..<2 {
            let again = try SteppedLog(log.disk)
            let shard = try #require(again.recovery.shards[general], "round \(round)")
            #expect(shard.isRemoved && shard.tombstone == [7, 7] && shard.hardState == nil)
            #expect(shard.firstIndex == LogIndex(1) && shard.lastIndex == .zero && shard.condition == .sound)
        }
        var again = try SteppedLog(log.disk)
        try again.commit([append(general, vote(9), entries(1...1, term: 9))])
        try again.engine.roll()
        let shard = try #require(try SteppedLog(log.disk).recovery.shards[general])
        #expect(!shard.isRemoved && shard.tombstone == [7, 7] && shard.hardState == vote(9))
        #expect(try SteppedLog(log.disk).read(general, 1...1) == entries(1...1, term: 9))
    }

    @Test func `a removal ends damage`() throws {
        let disk = try self.base().disk
        disk.zero(Self.first, bytes: 4_096..<8_192)
        var log = try SteppedLog(disk)
        var removal = append(general, vote(6), entries(1...2, term: 6))
        removal.removal = [1]
        try log.commit([removal])
        let again = try SteppedLog(disk)
        #expect(self.condition(again, general) == .sound)
        #expect(self.condition(again, random) == .damaged(.hardStateLost))
        #expect(try again.read(general, 1...2) == entries(1...2, term: 6))
    }

    @Test func `notes and base terms come back from restarts, releases and segment starts`() throws {
        var log = try self.base()
        var install = append(random, nil, entries(51...60, term: 8))
        install.restart = WALLogStart(index: LogIndex(50), term: Term(7), note: [50])
        try log.commit([install])
        try log.release(general, below: LogIndex(3), note: [2])
        for round in 0..<3 {
            let again = try SteppedLog(log.disk)
            #expect(again.recovery.shards[random]?.note == [50], "round \(round)")
            #expect(again.recovery.shards[random]?.baseTerm == Term(7))
            #expect(again.recovery.shards[general]?.note == [2])
            #expect(again.recovery.shards[general]?.baseTerm == Term(1))
            try again.engine.roll()
        }
        var again = try SteppedLog(log.disk)
        try again.release(random, below: LogIndex(200), note: [60])
        let shard = try #require(try SteppedLog(log.disk).recovery.shards[random])
        #expect(shard.firstIndex == LogIndex(61) && shard.baseTerm == Term(8) && shard.note == [60])
    }

    // MARK: Whole segments

    /// Three segments and more; general's entries 7... are in all of them.
    private func many() throws -> SteppedLog {
        var log = try self.base()
        for index in UInt64(7)...70 { try log.commit([append(general, nil, entries(index...index, bytes: 9_000))]) }
        #expect(log.disk.numbers.count > 3)
        return log
    }

    @Test func `a missing segment costs entries, and no votes`() throws {
        for number in [UInt32(1), 2] {
            let disk = try self.many().disk
            disk.remove(SegmentNumber(number))
            let log = try SteppedLog(disk)
            #expect(self.condition(log, general) == .damaged(.entriesLost), "segment \(number)")
            #expect(log.recovery.shards[general]?.lostThrough == LogIndex(70))
            #expect(log.recovery.shards[Self.quiet]?.condition == .sound)
            #expect(log.recovery.shards[Self.quiet]?.hardState == vote(2, for: 3))
            #expect(try self.condition(SteppedLog(disk), general) == .damaged(.entriesLost))
        }
    }

    @Test func `a sealed segment cut short costs entries`() throws {
        let disk = try self.many().disk
        disk.change(SegmentNumber(2)) { $0.removeLast(40 * 4_096) }
        let log = try SteppedLog(disk)
        #expect(self.condition(log, general) == .damaged(.entriesLost))
        #expect(self.condition(log, random) == .sound)
    }

    @Test func `a newest segment of no length is refused`() throws {
        let disk = try self.many().disk
        disk.change(disk.numbers.last!) { $0.removeAll() }
        #expect(openingError(disk)?.reason == .segmentLength)
    }

    @Test func `a bad first batch that its neighbours vouch for costs nothing`() throws {
        let disk = try self.many().disk
        disk.flipBit(SegmentNumber(2), byte: 300)
        let log = try SteppedLog(disk)
        for shard in [general, random, Self.quiet] { #expect(self.condition(log, shard) == .sound) }
        #expect(try log.read(general, 7...70) == entries(7...70, bytes: 9_000))
        #expect(log.recovery.corruptions.count == 1)
    }

    @Test func `an oldest segment's bad first batch is made good by the next one's`() throws {
        let disk = try self.many().disk
        disk.zero(Self.first, bytes: 0..<4_096)
        let log = try SteppedLog(disk)
        for shard in [general, random, Self.quiet] { #expect(self.condition(log, shard) == .sound, "\(shard)") }
        #expect(try log.read(general, 1...6) == entries(1...6, bytes: 3_000))
    }

    @Test func `a segment of another log is damage, never content`() throws {
        let disk = try self.many().disk
        let foreign = try self.many().disk.content(SegmentNumber(2))
        disk.change(SegmentNumber(2)) { $0 = foreign }
        let log = try SteppedLog(disk)
        #expect(self.condition(log, general) == .damaged(.entriesLost))
        let last = try #require(log.recovery.shards[general]?.lastIndex.rawValue)
        #expect(try log.read(general, 1...6) == entries(1...6, bytes: 3_000))
        #expect(last >= 6 && last < 70)
    }
}
