import ClusterModel
import Glibc
import Logging
import Synchronization
import Testing

@testable import WriteAheadLog

/// A directory that is gone after the test.
private final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/roost-wal-XXXXXX".utf8CString)
        let made = try #require(template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) })
        self.path = String(cString: made)
    }

    deinit {
        if let stream = opendir(self.path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                unlink("\(self.path)/\(name)")
            }
            closedir(stream)
        }
        rmdir(self.path)
    }
}

/// Collects what a log says, and lets a test wait for it.
private final class Listener: Sendable {
    private let state = Monitor<(synced: [SyncedAppend], fatal: [WALError])>(([], []))

    func synced(_ appends: [SyncedAppend]) {
        self.state.signal { state in
            state.synced += appends
            return true
        }
    }
    func fatal(_ error: WALError) {
        self.state.signal { state in
            state.fatal.append(error)
            return true
        }
    }
    func waitForSynced(_ count: Int) -> [SyncedAppend]? {
        self.state.wait(timeout: .seconds(20)) { $0.synced.count >= count ? $0.synced : nil }
    }
    func waitForFatal() -> WALError? { self.state.wait(timeout: .seconds(20)) { $0.fatal.first } }
    var syncedCount: Int { self.state.withLock { $0.synced.count } }
    var fatalCount: Int { self.state.withLock { $0.fatal.count } }
}

@Suite struct RealDiskTests {
    private static func settings(_ driver: WALSettings.Driver) -> WALSettings {
        var settings = SteppedLog.settings
        settings.driver = driver
        settings.segmentBytes = 1 << 20
        settings.batchBytes = 1 << 18
        settings.idleMarkerAfter = .milliseconds(5)
        return settings
    }

    private static func open(
        _ directory: String, _ settings: WALSettings, _ listener: Listener
    ) throws(WALError) -> (log: WriteAheadLog, recovery: WALRecovery) {
        try WriteAheadLog.open(
            directory: directory, settings: settings,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            onSynced: listener.synced, onFatal: listener.fatal)
    }

    static let isIOURingUsable: Bool = {
        guard let directory = try? TemporaryDirectory() else { return false }
        guard let opened = try? Self.open(directory.path, Self.settings(.ioURing), Listener()) else { return false }
        opened.log.close()
        return true
    }()

    private func exercise(_ driver: WALSettings.Driver, name: String) throws {
        let directory = try TemporaryDirectory()
        let listener = Listener()
        let (log, recovery) = try Self.open(directory.path, Self.settings(driver), listener)
        #expect(recovery.shards.isEmpty)
        #expect(log.statistics.driver == name)
        let count = 3_000
        for index in 1...UInt64(count) {
            var append = append(ShardID(UInt16(index % 3)), nil, entries((index + 2) / 3...(index + 2) / 3, bytes: 700))
            append.ticket = index
            log.submit([append])
        }
        let synced = try #require(listener.waitForSynced(count))
        #expect(synced.map(\.ticket) == Array(1...UInt64(count)))
        #expect(log.statistics.segments > 1)
        #expect(
            try log.read(ShardID(1), from: LogIndex(1), to: LogIndex(1_001), bytesMax: 1 << 30)
                == entries(1...1_000, bytes: 700))
        log.release(ShardID(1), below: LogIndex(500), note: [])
        log.close()
        #expect(log.statistics.queuedBytes == 0 && log.statistics.oldestUnsynced == nil)

        let (again, found) = try Self.open(directory.path, Self.settings(driver), listener)
        #expect(found.tornTail == nil)
        #expect(found.shards[ShardID(1)]?.firstIndex == LogIndex(500))
        #expect(found.shards[ShardID(2)]?.lastIndex == LogIndex(1_000))
        #expect(
            try again.read(ShardID(2), from: LogIndex(990), to: LogIndex(1_001), bytesMax: 1 << 20)
                == entries(990...1_000, bytes: 700))
        again.close()
        #expect(listener.fatalCount == 0)
    }

    @Test func `pwrite keeps what it acknowledged`() throws { try self.exercise(.pwrite, name: "pwrite") }

    @Test(.enabled(if: isIOURingUsable, "the kernel or the container forbids io_uring"))
    func `io_uring keeps what it acknowledged`() throws { try self.exercise(.ioURing, name: "io_uring") }

    @Test func `a log written through one driver opens through the other`() throws {
        let directory = try TemporaryDirectory()
        let listener = Listener()
        let first = try Self.open(directory.path, Self.settings(.automatic), listener).log
        first.submit([append(general, vote(1), entries(1...20))])
        _ = try #require(listener.waitForSynced(1))
        first.close()
        let (second, found) = try Self.open(directory.path, Self.settings(.pwrite), listener)
        #expect(found.shards[general]?.lastIndex == LogIndex(20))
        second.close()
    }

    @Test func `released segments are cleared away and recycled`() throws {
        let directory = try TemporaryDirectory()
        let listener = Listener()
        var settings = Self.settings(.automatic)
        settings.batchBytes = 1 << 17
        let log = try Self.open(directory.path, settings, listener).log
        var index: UInt64 = 0
        for round in 1...20 {
            for _ in 0..<40 {
                index += 1
                log.submit([append(general, nil, entries(index...index, bytes: 8_000))])
            }
            _ = try #require(listener.waitForSynced(round * 40))
            log.release(general, below: LogIndex(index), note: [])
        }
        log.submit([append(general, nil, entries(index + 1...index + 1))])
        _ = try #require(listener.waitForSynced(801))
        #expect(log.statistics.segments <= 3)
        log.close()
        let (again, found) = try Self.open(directory.path, settings, listener)
        #expect(found.shards[general]?.firstIndex == LogIndex(index))
        #expect(found.shards[general]?.lastIndex == LogIndex(index + 1))
        again.close()
    }

    @Test func `a directory is open once`() throws {
        let directory = try TemporaryDirectory()
        let log = try Self.open(directory.path, Self.settings(.pwrite), Listener()).log
        #expect(throws: WALError.inUse(directory: directory.path)) {
            _ = try Self.open(directory.path, Self.settings(.pwrite), Listener())
        }
        log.close()
        try Self.open(directory.path, Self.settings(.pwrite), Listener()).log.close()
    }

    @Test func `a half-made segment is cleared away`() throws {
        let directory = try TemporaryDirectory()
        try Self.open(directory.path, Self.settings(.pwrite), Listener()).log.close()
        let descriptor = Glibc.open(directory.path + "/0000000099.wal.new", O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0 && write(descriptor, "abc", 3) == 3)
        close(descriptor)
        try Self.open(directory.path, Self.settings(.pwrite), Listener()).log.close()
        #expect(access(directory.path + "/0000000099.wal.new", F_OK) != 0)
    }

    @Test func `after an error nothing more is acknowledged, and the host is told once`() throws {
        let disk = SimulatedDisk()
        let listener = Listener()
        let settings = SteppedLog.settings
        let (log, _) = try WriteAheadLog.open(
            disk: disk, driver: SimulatedDriver(disk: disk, batchBytes: settings.batchBytes), settings: settings,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), onSynced: listener.synced,
            onFatal: listener.fatal)
        log.submit([append(general, nil, entries(1...1))])
        _ = try #require(listener.waitForSynced(1))
        disk.failWrite(.syncFails(errorNumber: 5))
        log.submit([append(general, nil, entries(2...2))])
        #expect(listener.waitForFatal() == .disk(DiskFailure(.sync, segment: SegmentNumber(1), errorNumber: 5)))
        log.submit([append(general, nil, entries(3...3))])
        log.close()
        #expect(listener.syncedCount == 1 && listener.fatalCount == 1)
    }

    @Test func `more waiting than the bound is fatal by name`() throws {
        let directory = try TemporaryDirectory()
        let listener = Listener()
        var settings = Self.settings(.pwrite)
        settings.queuedBytesMax = 10_000
        let log = try Self.open(directory.path, settings, listener).log
        log.submit([append(general, nil, entries(1...1, bytes: 20_000))])
        #expect(listener.waitForFatal() == .queueOverflow(queuedBytes: 10_000))
        log.close()
    }
}
