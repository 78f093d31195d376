import ClusterModel
import Foundation
import Logging
import Synchronization
import Testing

@testable import WriteAheadLog

/// What is let go is gone from the disk, however little is written.
@Suite struct RollOverTests {
    private static let secret = Array("the password is tulip-4711, the password is tulip-4711".utf8)

    /// Segments in which the text stands, with the whitening taken off.
    private func segments(with text: [UInt8], on disk: SimulatedDisk) -> [SegmentNumber] {
        disk.numbers.filter { Self.plain(disk.content($0)).contains(text) }
    }

    /// The payloads of all blocks, one after the other.
    private static func plain(_ segment: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        for start in stride(from: 0, to: segment.count, by: BlockFormat.blockBytes) {
            var words = segment[start..<start + BlockFormat.blockBytes].withUnsafeBytes {
                Array($0.bindMemory(to: UInt64.self))
            }
            words.withUnsafeMutableBytes { bytes in
                let block = Block(base: bytes.baseAddress!)
                if case .sound(let header, _) = block.inspect(
                    identity: nil, segment: SegmentNumber(bytes.load(fromByteOffset: 16, as: UInt32.self)),
                    block: Int(bytes.load(fromByteOffset: 20, as: UInt32.self)))
                {
                    block.whiten(identity: header.identity, segment: header.segment, block: header.block)
                }
                plain += bytes[BlockFormat.headerBytes...]
            }
        }
        return plain
    }

    private func log(holding secret: [UInt8]) throws -> SteppedLog {
        var log = try SteppedLog()
        try log.commit([
            append(general, vote(1), [WALEntry(index: LogIndex(1), term: Term(1), kind: 1, payload: secret)])
        ])
        return log
    }

    @Test func `a text that was let go is gone once the segment is left, though nothing else is written`() throws {
        var log = try self.log(holding: Self.secret)
        #expect(self.segments(with: Self.secret, on: log.disk) == [SegmentNumber(1)])
        try log.release(general, below: LogIndex(2))
        #expect(self.segments(with: Self.secret, on: log.disk) == [SegmentNumber(1)], "its segment is the newest")
        try log.rollOver()
        #expect(self.segments(with: Self.secret, on: log.disk) == [])
        let again = try SteppedLog(log.disk)
        let shard = try #require(again.recovery.shards[general])
        #expect(shard.firstIndex == LogIndex(2) && shard.lastIndex == LogIndex(1) && shard.hardState == vote(1))
    }

    @Test func `a segment that is left stays as long as an entry in it is needed`() throws {
        var log = try self.log(holding: Self.secret)
        try log.rollOver()
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2)])
        #expect(try log.read(general, 1...1).first?.payload == Self.secret)
        try log.release(general, below: LogIndex(2))
        #expect(log.disk.numbers == [SegmentNumber(2)])
    }

    @Test func `a segment without entries is not left`() throws {
        var log = try self.log(holding: Self.secret)
        try log.rollOver()
        for _ in 1...5 { try log.rollOver() }
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2)])
        try log.commit([append(general, vote(2))])
        try log.rollOver()
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2)], "a vote is no text")
        try log.commit([append(general, nil, [entry(2)])])
        try log.rollOver()
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2), SegmentNumber(3)])
    }

    @Test func `what was asked behind it goes into the new segment, and nothing is lost on the way`() throws {
        var log = try SteppedLog()
        log.engine.accept([
            .append(append(general, vote(1), entries(1...3))), .rollOver, .append(append(general, nil, entries(4...5))),
        ])
        log.engine.fill()
        var synced = 0
        while log.engine.hasWork {
            synced += try log.engine.commit().count
            log.engine.fill()
        }
        #expect(synced == 2)
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2)])
        for log in [log, try SteppedLog(log.disk)] { #expect(try log.read(general, 1...5) == entries(1...5)) }
        try log.release(general, below: LogIndex(4))
        #expect(log.disk.numbers == [SegmentNumber(2)])
    }

    @Test func `an opening gives back what a stop came before`() throws {
        var log = try self.log(holding: Self.secret)
        try log.rollOver()
        let before = SimulatedDisk(copying: log.disk)
        try log.release(general, below: LogIndex(2))
        // As if the first segment had not been removed yet.
        log.disk.put(SegmentNumber(1), before.content(SegmentNumber(1)))
        #expect(self.segments(with: Self.secret, on: log.disk) == [SegmentNumber(1)])
        _ = try SteppedLog(log.disk)
        #expect(self.segments(with: Self.secret, on: log.disk) == [])
    }

    @Test func `an opening says how old entries are at least`() throws {
        var log = try SteppedLog()
        func write(_ index: UInt64, at milliseconds: UInt64) throws {
            log.disk.setClock(milliseconds)
            try log.rollOver()
            try log.commit([append(general, vote(1), [entry(index)])])
        }
        try write(1, at: 1_000)
        try write(2, at: 5_000)
        try write(3, at: 9_000)
        log.disk.setClock(20_000)
        #expect(
            try SteppedLog(log.disk).recovery.shards[general]?.ages == [
                WALAge(through: LogIndex(1), milliseconds: 15_000), WALAge(through: LogIndex(2), milliseconds: 11_000),
            ])
        // A clock that was set back knows nothing of what lies ahead of it.
        log.disk.setClock(6_000)
        #expect(
            try SteppedLog(log.disk).recovery.shards[general]?.ages == [
                WALAge(through: LogIndex(1), milliseconds: 1_000)
            ])
        log.disk.setClock(0)
        #expect(try SteppedLog(log.disk).recovery.shards[general]?.ages == [])
    }

    @Test func `an opening leaves a segment that is old, where another stands ready`() throws {
        var settings = SteppedLog.settings
        settings.segmentMillisecondsMax = 1_000
        var log = try SteppedLog(settings: settings)
        log.disk.setClock(5_000)
        try log.rollOver()
        try log.commit([append(general, vote(1), [entry(1)])])
        try log.rollOver()
        try log.commit([append(general, nil, [entry(2)])])
        log.disk.setClock(7_000)
        _ = try SteppedLog(log.disk, settings: settings)
        #expect(log.disk.numbers == [SegmentNumber(1), SegmentNumber(2)], "none is ready, and the disk may be full")
        try log.disk.createSegment(SegmentNumber(3), blockCount: settings.segmentBlocks)
        log.disk.setClock(5_999)
        #expect(try SteppedLog(log.disk, settings: settings).engine.segment == SegmentNumber(2), "it is young")
        log.disk.setClock(7_000)
        let again = try SteppedLog(log.disk, settings: settings)
        #expect(again.engine.segment == SegmentNumber(3))
        #expect(try again.read(general, 1...2) == [entry(1), entry(2)])
    }

    @Test func `a thread's log is left without work to go with it, and counts as idle`() throws {
        let directory = NSTemporaryDirectory() + "roost-roll-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let synced = Mutex(0)
        let (log, _) = try WriteAheadLog.open(
            directory: directory, settings: SteppedLog.settings, logger: Logger(label: "log"),
            onSynced: { done in synced.withLock { $0 += done.count } }, onFatal: { Issue.record("\($0)") })
        func eventually(_ condition: () -> Bool) -> Bool {
            for _ in 0..<500 {
                if condition() { return true }
                usleep(10_000)
            }
            return condition()
        }
        log.submit([append(general, vote(1), [entry(1)])])
        #expect(eventually { synced.withLock { $0 } == 1 })
        // Whether a segment stands ready by then is the other thread's doing.
        #expect(
            eventually {
                log.rollOver()
                return log.statistics.segments == 2
            })
        for _ in 1...3 { log.rollOver() }
        #expect(eventually { log.statistics.oldestUnsynced == nil })
        #expect(log.statistics.segments == 2)
        log.release(general, below: LogIndex(2), note: [])
        #expect(eventually { log.statistics.segments == 1 })
        log.close()
    }
}

extension [UInt8] {
    fileprivate func contains(_ text: [UInt8]) -> Bool {
        guard let first = text.first else { return true }
        var from = self.startIndex
        while let place = self[from...].firstIndex(of: first) {
            if self[place...].starts(with: text) { return true }
            from = place + 1
        }
        return false
    }
}
