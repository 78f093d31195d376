import ClusterModel
import Foundation
import NIOCore
import Projections
import Raft
import Testing
import WriteAheadLog

@testable import Replication

@Suite struct `A watched disk` {
    private func condition(_ seconds: Double?, isFull: Bool = false) -> DiskCondition {
        DiskCondition(oldestUnsynced: seconds.map { .milliseconds(Int64($0 * 1_000)) }, isFull: isFull)
    }

    @Test func `costs the leaderships after a second and the process after ten`() {
        var watchdog = DiskWatchdog()
        #expect(watchdog.step(self.condition(nil)) == nil)
        #expect(watchdog.step(self.condition(0.9)) == nil)
        #expect(watchdog.step(self.condition(1)) == .stepBack(.stalled))
        #expect(watchdog.step(self.condition(5)) == nil)
        #expect(watchdog.step(self.condition(10)) == .abort(waited: .seconds(10)))
    }

    @Test func `gives back what it took when it completes again`() {
        var watchdog = DiskWatchdog()
        #expect(watchdog.step(self.condition(2)) == .stepBack(.stalled))
        #expect(watchdog.step(self.condition(0.001)) == .recovered)
        #expect(watchdog.state == .sound)
    }

    @Test func `that is full refuses until there is room, and a stall comes before that`() {
        var watchdog = DiskWatchdog()
        #expect(watchdog.step(self.condition(nil, isFull: true)) == .stepBack(.full))
        #expect(watchdog.step(self.condition(3, isFull: true)) == .stepBack(.stalled))
        #expect(watchdog.step(self.condition(nil, isFull: true)) == .stepBack(.full))
        #expect(watchdog.step(self.condition(nil)) == .recovered)
    }
}

@Suite struct `A log that is let go` {
    private var settings: RetentionSettings {
        var settings = RetentionSettings()
        settings.keepEntries = 100
        settings.keepBytes = 1_000
        settings.keepNodeBytes = 100_000
        settings.checkpointEntries = 50
        settings.checkpointBytes = 500
        settings.checkpointNodeBytes = 50_000
        settings.checkpointMilliseconds = 10_000
        return settings
    }

    @Test func `never goes beyond what is durable`() {
        var retention = LogRetention(settings: self.settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        for index in 1...1_000 as ClosedRange<UInt64> {
            retention.applied(LogIndex(index), bytes: 1, nodeBytes: index, milliseconds: index)
        }
        let cut = retention.release(durable: LogIndex(300), nodeBytes: 1_000)
        #expect(cut.map { $0 <= LogIndex(300) && $0 >= LogIndex(290) } == true, "cut at \(String(describing: cut))")
    }

    @Test func `keeps the window that lagging followers may want`() {
        var retention = LogRetention(settings: self.settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        for index in 1...500 as ClosedRange<UInt64> {
            retention.applied(LogIndex(index), bytes: 5, nodeBytes: index, milliseconds: index)
        }
        // A thousand bytes are two hundred entries, a hundred entries are fewer.
        let cut = retention.release(durable: LogIndex(500), nodeBytes: 500)
        #expect(cut.map { $0 <= LogIndex(400) && $0 >= LogIndex(390) } == true, "cut at \(String(describing: cut))")
        #expect(retention.release(durable: LogIndex(500), nodeBytes: 500) == nil)
    }

    @Test func `of a quiet shard goes when the node has written enough`() {
        var retention = LogRetention(settings: self.settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        retention.applied(LogIndex(1), bytes: 5, nodeBytes: 10, milliseconds: 1)
        #expect(!retention.isCheckpointDue(milliseconds: 2, nodeBytes: 20))
        #expect(retention.isCheckpointDue(milliseconds: 2, nodeBytes: 60_000))
        retention.beginCheckpoint()
        retention.endCheckpoint(durable: retention.appliedIndex)
        #expect(retention.release(durable: LogIndex(1), nodeBytes: 60_000) == nil)
        // The sample at the start stands before the entry; the next one is taken when there is more.
        retention.applied(LogIndex(2), bytes: 5, nodeBytes: 60_000, milliseconds: 3)
        #expect(retention.release(durable: LogIndex(2), nodeBytes: 200_000) == LogIndex(2))
    }

    @Test func `is checkpointed by entries, bytes and age, and not while one is under way`() {
        var retention = LogRetention(settings: self.settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        retention.beginCheckpoint()
        retention.endCheckpoint(durable: retention.appliedIndex)
        #expect(!retention.isCheckpointDue(milliseconds: 100_000, nodeBytes: 0), "there is nothing new")
        retention.applied(LogIndex(49), bytes: 49, nodeBytes: 0, milliseconds: 100)
        #expect(!retention.isCheckpointDue(milliseconds: 200, nodeBytes: 0))
        #expect(retention.isCheckpointDue(milliseconds: 10_100, nodeBytes: 0))
        retention.applied(LogIndex(50), bytes: 1, nodeBytes: 0, milliseconds: 300)
        #expect(retention.isCheckpointDue(milliseconds: 301, nodeBytes: 0))
        retention.beginCheckpoint()
        #expect(!retention.isCheckpointDue(milliseconds: 100_000, nodeBytes: 1 << 40))
        retention.endCheckpoint(durable: retention.appliedIndex)
        retention.applied(LogIndex(51), bytes: 500, nodeBytes: 0, milliseconds: 400)
        #expect(retention.isCheckpointDue(milliseconds: 401, nodeBytes: 0))
    }

    @Test func `of a silent shard goes when it is old enough and durable`() {
        var settings = self.settings
        settings.keepMilliseconds = 24_000
        settings.keepEntries = 10_000
        settings.keepBytes = 1 << 20
        var retention = LogRetention(settings: settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        retention.applied(LogIndex(1), bytes: 5, nodeBytes: 0, milliseconds: 1_000)
        retention.applied(LogIndex(2), bytes: 5, nodeBytes: 0, milliseconds: 1_100)
        #expect(retention.release(nodeBytes: 0, milliseconds: 1 << 40) == nil, "it would not survive a power loss")
        #expect(!retention.isReleaseDue(milliseconds: 1 << 40))
        retention.beginCheckpoint()
        retention.endCheckpoint(durable: LogIndex(2))
        #expect(!retention.isReleaseDue(milliseconds: 23_999))
        #expect(retention.isReleaseDue(milliseconds: 25_000), "the first entry is that old")
        #expect(retention.release(nodeBytes: 0, milliseconds: 25_000) == LogIndex(1))
        #expect(!retention.isReleaseDue(milliseconds: 25_099))
        #expect(retention.isReleaseDue(milliseconds: 25_100), "nothing has come since to take a sample with")
        #expect(retention.release(nodeBytes: 0, milliseconds: 25_100) == LogIndex(2))
        #expect(!retention.isReleaseDue(milliseconds: 1 << 40))
        #expect(retention.release(nodeBytes: 0, milliseconds: 1 << 40) == nil)
    }

    @Test func `of a shard in which little is written goes in the order of its age`() {
        var settings = self.settings
        settings.keepMilliseconds = 24_000
        var retention = LogRetention(settings: settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        for index in 1...60 as ClosedRange<UInt64> {
            let now = index * 1_000
            retention.applied(LogIndex(index), bytes: 1, nodeBytes: 0, milliseconds: now)
            retention.endCheckpoint(durable: LogIndex(index))
            let last = retention.release(nodeBytes: 0, milliseconds: now)
            // An entry a second, sampled as often: what is 24 seconds old has gone, what is younger has not.
            #expect(last == (index > 24 ? LogIndex(index - 24) : nil))
        }
    }

    @Test func `after a start is as old as the log says, or as the start`() {
        var settings = self.settings
        settings.keepMilliseconds = 24_000
        let ages = [
            WALAge(through: LogIndex(10), milliseconds: 50_000), WALAge(through: LogIndex(20), milliseconds: 20_000),
            WALAge(through: LogIndex(99), milliseconds: 19_000),
        ]
        var retention = LogRetention(
            settings: settings, appliedIndex: LogIndex(30), nodeBytes: 0, milliseconds: 5_000, ages: ages)
        #expect(!retention.isReleaseDue(milliseconds: 5_000), "how much is durable is not known yet")
        retention.endCheckpoint(durable: LogIndex(30))
        #expect(retention.release(nodeBytes: 0, milliseconds: 5_000) == LogIndex(10))
        #expect(retention.release(nodeBytes: 0, milliseconds: 8_999) == nil)
        #expect(retention.release(nodeBytes: 0, milliseconds: 9_000) == LogIndex(20))
        #expect(!retention.isReleaseDue(milliseconds: 28_999))
        #expect(retention.release(nodeBytes: 0, milliseconds: 29_000) == LogIndex(30))
    }

    @Test func `is checkpointed again when a checkpoint fell short, though nothing more is applied`() {
        var retention = LogRetention(settings: self.settings, appliedIndex: .zero, nodeBytes: 0, milliseconds: 0)
        for (durable, isComplete) in [(nil, true), (LogIndex(6), true), (LogIndex(7), false)] as [(LogIndex?, Bool)] {
            retention.applied(LogIndex(7), bytes: 1, nodeBytes: 0, milliseconds: 100)
            retention.beginCheckpoint()
            retention.endCheckpoint(durable: durable, isComplete: isComplete, milliseconds: 200, nodeBytes: 0)
            #expect(!retention.isCheckpointDue(milliseconds: 10_199, nodeBytes: 0))
            #expect(retention.isCheckpointDue(milliseconds: 10_200, nodeBytes: 0))
        }
        retention.beginCheckpoint()
        retention.endCheckpoint(durable: LogIndex(7))
        #expect(!retention.isCheckpointDue(milliseconds: 1 << 40, nodeBytes: 0))
    }
}

extension LogRetention {
    fileprivate mutating func endCheckpoint(durable: LogIndex) {
        self.endCheckpoint(durable: durable, isComplete: true, milliseconds: 0, nodeBytes: 0)
    }

    /// As of a log in which all is young.
    fileprivate mutating func release(durable: LogIndex, nodeBytes: UInt64) -> LogIndex? {
        self.endCheckpoint(durable: durable)
        return self.release(nodeBytes: nodeBytes, milliseconds: 0)
    }
}

@Suite struct `A replica on its way out` {
    private let settings = RemovalSettings()

    @Test func `asks when told, and goes a grace after the leader's proof`() {
        var removal = RemovalCase(settings: self.settings)
        #expect(removal.step(.proven) == nil, "nobody asked")
        #expect(removal.step(.tick(milliseconds: 0, hasLeader: true)) == nil)
        #expect(removal.step(.hinted) == nil)
        #expect(removal.step(.tick(milliseconds: 1_000, hasLeader: false)) == .ask)
        #expect(removal.step(.tick(milliseconds: 2_000, hasLeader: false)) == nil)
        #expect(removal.step(.tick(milliseconds: 6_000, hasLeader: false)) == .ask)
        #expect(removal.step(.proven) == nil)
        #expect(removal.step(.tick(milliseconds: 7_000, hasLeader: false)) == nil)
        #expect(removal.step(.tick(milliseconds: 66_999, hasLeader: false)) == nil)
        #expect(removal.step(.tick(milliseconds: 67_000, hasLeader: false)) == .remove)
        #expect(removal.step(.tick(milliseconds: 99_000, hasLeader: false)) == nil)
    }

    @Test func `a hint alone removes nothing`() {
        var removal = RemovalCase(settings: self.settings)
        for second in 0..<1_000 as Range<UInt64> {
            #expect(removal.step(.hinted) == nil)
            #expect(removal.step(.tick(milliseconds: second * 1_000, hasLeader: false)) != .remove)
        }
    }

    @Test func `stays when a leader speaks to it within the grace`() {
        var removal = RemovalCase(settings: self.settings)
        _ = removal.step(.hinted)
        _ = removal.step(.tick(milliseconds: 0, hasLeader: false))
        _ = removal.step(.proven)
        _ = removal.step(.tick(milliseconds: 1, hasLeader: false))
        _ = removal.step(.leaderHeard)
        #expect(removal.isMember)
        #expect(removal.step(.tick(milliseconds: 100_000, hasLeader: true)) == nil)
    }

    @Test func `asks by itself when it has heard no leader for long`() {
        var removal = RemovalCase(settings: self.settings)
        #expect(removal.step(.tick(milliseconds: 5_000, hasLeader: false)) == nil)
        #expect(removal.step(.tick(milliseconds: 14_999, hasLeader: false)) == nil)
        #expect(removal.step(.tick(milliseconds: 15_000, hasLeader: false)) == .ask)
    }
}

@Suite struct `What the log notes of a group` {
    private func configuration(_ epoch: UInt64) -> Configuration {
        Configuration.founding(NodeID(high: 1, low: 1), epoch: RingEpoch(epoch))
    }

    @Test func `comes back as it was`() throws {
        let note = LogNote(index: LogIndex(7), configuration: self.configuration(3))
        #expect(try LogNote(encoded: note.encoded) == note)
    }

    @Test func `is the configuration in force at the place`() {
        var history = ConfigurationHistory()
        history.committed(self.configuration(1), at: LogIndex(1))
        history.committed(self.configuration(2), at: LogIndex(10))
        history.committed(self.configuration(9), at: LogIndex(10))
        history.committed(self.configuration(3), at: LogIndex(20))
        #expect(history.inForce(at: LogIndex(9))?.configuration == self.configuration(1))
        #expect(history.inForce(at: LogIndex(19))?.configuration == self.configuration(2))
        history.forget(before: LogIndex(15))
        #expect(history.inForce(at: LogIndex(9)) == nil)
        #expect(history.inForce(at: LogIndex(15))?.configuration == self.configuration(2))
        history.restart(at: LogIndex(30), self.configuration(4))
        #expect(history.inForce(at: LogIndex(29)) == nil)
        #expect(history.inForce(at: LogIndex(30))?.index == LogIndex(30))
    }
}

@Suite struct `Processors` {
    /// Seconds in which the loop waited so many milliseconds each.
    private func pressure(_ waits: Int...) -> ProcessorPressure {
        var pressure = ProcessorPressure()
        var wait = Duration.seconds(100)
        pressure.note(wait: wait, at: 50_000)
        for (second, milliseconds) in waits.enumerated() {
            wait += .milliseconds(milliseconds)
            pressure.note(wait: wait, at: 51_000 + 1_000 * UInt64(second))
        }
        return pressure
    }

    @Test func `are short while the loop waits for one`() {
        #expect(!self.pressure().isShort)
        #expect(!self.pressure(90).isShort)
        #expect(self.pressure(110).isShort)
        #expect(!self.pressure(500, 20).isShort)
        #expect(self.pressure(20, 500).isShort)
    }

    @Test func `are never short where it is not known how long the loop waits`() {
        var pressure = self.pressure(500)
        pressure.note(wait: nil, at: 52_000)
        #expect(!pressure.isShort)
        pressure.note(wait: .seconds(200), at: 53_000)
        #expect(!pressure.isShort)
        // A clock that stands still says nothing.
        pressure.note(wait: .seconds(201), at: 53_000)
        #expect(!pressure.isShort)
    }

    // A kernel may be built without it.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/thread-self/schedstat")))
    func `are asked for of the system`() throws {
        let wait = try #require(DiskPlatform(directory: "/nowhere").processorWait())
        #expect(wait >= .zero && wait < .seconds(3_600))
    }
}

@Suite struct `Turns` {
    /// After seconds in which so many entries were applied each, processors being short but for the last where said.
    private func interval(_ rates: UInt64..., isShort: Bool = true) -> TimeAmount {
        var settings = ReplicationSettings()
        settings.turnsSpacedFromCommands = 5_000
        settings.turnsSpacedFullyFromCommands = 13_000
        settings.turnMillisecondsMax = 3
        var spacing = TurnSpacing()
        var entries: UInt64 = 1_000_000
        spacing.note(commands: entries, at: 50_000, isShort: true, settings)
        for (second, rate) in rates.enumerated() {
            entries += rate
            let isLast = second == rates.count - 1
            spacing.note(commands: entries, at: 51_000 + 1_000 * UInt64(second), isShort: isShort || !isLast, settings)
        }
        return spacing.interval
    }

    @Test func `are spaced the further the more is written`() {
        #expect(self.interval() == .zero)
        #expect(self.interval(5_000) == .zero)
        #expect(self.interval(9_000) == .microseconds(1_500))
        #expect(self.interval(13_000) == .milliseconds(3))
        #expect(self.interval(90_000) == .milliseconds(3))
        #expect(self.interval(90_000, 100) == .zero)
    }

    @Test func `are spaced all at once where both bounds are one`() {
        var settings = ReplicationSettings()
        settings.turnsSpacedFromCommands = 5_000
        settings.turnsSpacedFullyFromCommands = 5_000
        var spacing = TurnSpacing()
        spacing.note(commands: 0, at: 50_000, isShort: true, settings)
        spacing.note(commands: 5_000, at: 51_000, isShort: true, settings)
        #expect(spacing.interval == .zero)
        spacing.note(commands: 10_001, at: 52_000, isShort: true, settings)
        #expect(spacing.interval == .milliseconds(settings.turnMillisecondsMax))
    }

    @Test func `are never spaced on a calm machine`() {
        #expect(self.interval(90_000, 90_000, isShort: false) == .zero)
    }

    @Test func `are not spaced by a clock that stands still`() {
        var spacing = TurnSpacing()
        spacing.note(commands: 0, at: 50_000, isShort: true, ReplicationSettings())
        spacing.note(commands: 90_000, at: 50_000, isShort: true, ReplicationSettings())
        #expect(spacing.interval == .zero)
    }
}

@Suite struct `The patience of the index` {
    private let lag = IndexLag(rows: 2_000, since: nil)

    @Test func `ends where too much waits, or for too long, or nothing but what is to be forgotten`() {
        let patience = IndexPatience()
        #expect(patience.defers(self.lag, waits: .seconds(1), at: 60_000))
        #expect(patience.defers(IndexLag(rows: 16_383), waits: .milliseconds(29_999), at: 60_000))
        #expect(!patience.defers(IndexLag(rows: 16_384), waits: .seconds(1), at: 60_000))
        #expect(!patience.defers(self.lag, waits: .seconds(30), at: 60_000))
        #expect(!patience.defers(IndexLag(), waits: .zero, at: 60_000))
    }

    @Test func `is none for ten seconds after a search`() {
        var patience = IndexPatience()
        patience.noteSearch(at: 60_000)
        #expect(!patience.defers(self.lag, waits: .seconds(1), at: 60_000))
        #expect(!patience.defers(self.lag, waits: .seconds(1), at: 70_000))
        #expect(patience.defers(self.lag, waits: .seconds(1), at: 70_001))
    }
}
