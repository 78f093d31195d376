import ClusterModel
import Testing

@testable import WriteAheadLog

@Suite struct LogTests {
    @Test func `a new log is empty and stays empty when opened again`() throws {
        let log = try SteppedLog()
        #expect(log.recovery.shards.isEmpty)
        let again = try SteppedLog(log.disk)
        #expect(again.recovery.shards.isEmpty && again.recovery.tornTail == nil)
    }

    @Test func `what was committed is there after opening again`() throws {
        var log = try SteppedLog()
        let synced = try log.commit([
            append(general, vote(2, for: 1, commit: 1), entries(1...3, term: 2)),
            append(random, vote(5)),
        ])
        #expect(synced == [SyncedAppend(shard: general, ticket: 1), SyncedAppend(shard: random, ticket: 2)])

        let again = try SteppedLog(log.disk)
        let shard = try #require(again.recovery.shards[general])
        #expect(shard.hardState == vote(2, for: 1, commit: 1))
        #expect(shard.firstIndex == LogIndex(1) && shard.lastIndex == LogIndex(3) && shard.lastTerm == Term(2))
        #expect(shard.termRuns == [WALTermRun(first: LogIndex(1), term: Term(2))])
        #expect(again.recovery.shards[random]?.hardState == vote(5))
        #expect(try again.read(general, 1...3) == entries(1...3, term: 2))
    }

    @Test func `an entry at a taken index replaces everything from there on`() throws {
        var log = try SteppedLog()
        try log.commit([append(general, nil, entries(1...10, term: 1))])
        try log.commit([append(general, nil, entries(4...5, term: 3))])
        for log in [log, try SteppedLog(log.disk)] {
            #expect(try log.read(general, 1...5) == entries(1...3, term: 1) + entries(4...5, term: 3))
            #expect(throws: WALError.beyondEnd(lastIndex: LogIndex(5))) { try log.read(general, 5...6) }
        }
        #expect(
            try SteppedLog(log.disk).recovery.shards[general]?.termRuns
                == [WALTermRun(first: LogIndex(1), term: Term(1)), WALTermRun(first: LogIndex(4), term: Term(3))])
    }

    @Test func `configurations come back whole, without those that were replaced`() throws {
        var log = try SteppedLog()
        let configurations = [
            entry(2, kind: 9, "Ada, Grace"), entry(4, kind: 9, "Ada"), entry(3, term: 2, kind: 9, "Grace"),
        ]
        try log.commit([append(general, nil, [entry(1), configurations[0], entry(3), configurations[1]])])
        try log.commit([append(general, nil, [configurations[2], entry(4, term: 2)])])
        let shard = try #require(try SteppedLog(log.disk).recovery.shards[general])
        #expect(shard.configurationEntries == [configurations[0], configurations[2]])
    }

    @Test func `an append larger than a batch is acknowledged once, after its last entry`() throws {
        var log = try SteppedLog()
        let many = entries(1...400, bytes: 500)
        #expect(try log.commit([append(general, vote(1), many)]) == [SyncedAppend(shard: general, ticket: 1)])
        #expect(log.engine.statistics.syncs > 3)
        #expect(try SteppedLog(log.disk).read(general, 1...400) == many)
    }

    @Test func `the log goes on over many segments and carries every hard state along`() throws {
        var log = try SteppedLog()
        try log.commit([append(random, vote(8, for: 2, commit: 0))])
        for round in UInt64(0)..<30 {
            try log.commit([append(general, nil, entries(round * 20 + 1...round * 20 + 20, bytes: 900))])
        }
        #expect(log.disk.numbers.count > 2)
        let again = try SteppedLog(log.disk)
        #expect(again.recovery.shards[random]?.hardState == vote(8, for: 2, commit: 0))
        #expect(try again.read(general, 1...600) == entries(1...600, bytes: 900))
    }

    @Test func `a read stops at its bound of bytes but gives at least one entry`() throws {
        var log = try SteppedLog()
        try log.commit([append(general, nil, entries(1...50, bytes: 100))])
        #expect(try log.read(general, 1...50, bytesMax: 350).count == 3)
        #expect(try log.read(general, 10...50, bytesMax: 1) == entries(10...10, bytes: 100))
    }

    @Test func `releasing lets go of whole segments, and no hard state with them`() throws {
        var log = try SteppedLog()
        try log.commit([append(random, vote(8, for: 2)), append(general, vote(1), [])])
        for index in UInt64(1)...200 { try log.commit([append(general, nil, entries(index...index, bytes: 3_000))]) }
        let before = log.disk.numbers.count
        try log.release(general, below: LogIndex(190))
        #expect(log.disk.numbers.count < before)
        #expect(throws: WALError.released(firstIndex: LogIndex(190))) { try log.read(general, 189...190) }

        var again = try SteppedLog(log.disk)
        #expect(again.recovery.shards[random]?.hardState == vote(8, for: 2))
        #expect(again.recovery.shards[general]?.firstIndex == LogIndex(190))
        #expect(again.recovery.shards[general]?.lastIndex == LogIndex(200))
        #expect(try again.read(general, 190...200) == entries(190...200, bytes: 3_000))
        try again.release(general, below: LogIndex(1_000))
        let empty = try #require(try SteppedLog(again.disk).recovery.shards[general])
        #expect(empty.firstIndex == LogIndex(201) && empty.lastIndex == LogIndex(200) && empty.lastTerm == Term(1))
        #expect(empty.termRuns.isEmpty)
    }

    @Test func `a snapshot makes the log begin behind it`() throws {
        var log = try SteppedLog()
        try log.commit([append(general, vote(1), entries(1...10))])
        var install = append(general, vote(4), entries(1_001...1_002, term: 4))
        install.restart = WALLogStart(index: LogIndex(1_000), term: Term(3), note: [])
        try log.commit([install])
        for log in [log, try SteppedLog(log.disk)] {
            #expect(try log.read(general, 1_001...1_002) == entries(1_001...1_002, term: 4))
            #expect(throws: WALError.released(firstIndex: LogIndex(1_001))) { try log.read(general, 10...10) }
        }
    }

    @Test func `a marker is written once after the last records`() throws {
        var log = try SteppedLog()
        try log.commit([append(general, vote(1), entries(1...1))])
        let syncs = log.engine.statistics.syncs
        try log.engine.mark()
        try log.engine.mark()
        #expect(log.engine.statistics.syncs == syncs + 1)
        #expect(try SteppedLog(log.disk).recovery.shards[general]?.lastIndex == LogIndex(1))
    }

    @Test func `the next batch fills while one is in flight`() throws {
        let log = try SteppedLog()
        log.engine.accept([.append(append(general, nil, entries(1...2)))])
        log.engine.fill()
        try log.engine.begin()
        log.engine.accept([.append(append(general, nil, entries(3...4)))])
        log.engine.fill()
        #expect(log.engine.hasBatch)
        #expect(throws: WALError.beyondEnd(lastIndex: .zero)) { try log.read(general, 1...1) }
        _ = try log.engine.finish()
        #expect(throws: WALError.beyondEnd(lastIndex: LogIndex(2))) { try log.read(general, 3...3) }
        _ = try log.engine.commit()
        #expect(try SteppedLog(log.disk).read(general, 1...4) == entries(1...4))
    }

    @Test func `settings that can not work are refused by name`() {
        var settings = SteppedLog.settings
        settings.segmentBytes = 5_000
        #expect(throws: WALError.self) { try SteppedLog(settings: settings) }
        settings = SteppedLog.settings
        settings.batchBytes = settings.segmentBytes
        #expect(throws: WALError.self) { try SteppedLog(settings: settings) }
        settings = SteppedLog.settings
        settings.shardCountMax = 4_000
        #expect(throws: WALError.self) { try SteppedLog(settings: settings) }
    }
}
