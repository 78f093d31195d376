import ClusterModel

@testable import WriteAheadLog

/// A log over a simulated disk, driven by hand.
struct SteppedLog {
    let disk: SimulatedDisk
    let engine: LogEngine
    let recovery: WALRecovery
    private(set) var ticket: UInt64 = 0

    static var settings: WALSettings {
        var settings = WALSettings()
        settings.segmentBytes = 64 * BlockFormat.blockBytes
        settings.batchBytes = 16 * BlockFormat.blockBytes
        settings.shardCountMax = 130
        settings.noteBytesMax = 200
        settings.retainedKinds = [9]
        return settings
    }

    init(_ disk: SimulatedDisk = SimulatedDisk(), settings: WALSettings = Self.settings) throws(WALError) {
        self.disk = disk
        let driver = SimulatedDriver(disk: disk, batchBytes: settings.batchBytes)
        let opened = try LogOpening.openInline(disk: disk, driver: driver, settings: settings)
        self.engine = opened.engine
        self.recovery = opened.recovery
    }

    /// Submits and commits until nothing is left.
    @discardableResult
    mutating func commit(_ appends: [WALAppend]) throws(WALError) -> [SyncedAppend] {
        var numbered = appends
        for index in numbered.indices {
            self.ticket += 1
            numbered[index].ticket = self.ticket
        }
        self.engine.accept(numbered.map { .append($0) })
        self.engine.fill()
        var synced: [SyncedAppend] = []
        while self.engine.hasWork {
            synced += try self.engine.commit()
            self.engine.fill()
        }
        return synced
    }

    mutating func release(_ shard: ShardID, below index: LogIndex, note: [UInt8] = []) throws(WALError) {
        try self.work(.release(shard, below: index, note: note))
    }

    mutating func rollOver() throws(WALError) { try self.work(.rollOver) }

    private mutating func work(_ work: LogWork) throws(WALError) {
        self.engine.accept([work])
        self.engine.fill()
        while self.engine.hasWork {
            _ = try self.engine.commit()
            self.engine.fill()
        }
    }

    func read(_ shard: ShardID, _ range: ClosedRange<UInt64>, bytesMax: Int = .max / 2) throws(WALError) -> [WALEntry] {
        try EntryReader(state: self.engine.state, identity: self.engine.identity)
            .read(shard, from: LogIndex(range.lowerBound), to: LogIndex(range.upperBound + 1), bytesMax: bytesMax)
    }
}

let general = ShardID(3)
let random = ShardID(7)

func entry(_ index: UInt64, term: UInt64 = 1, kind: UInt8 = 1, _ text: String = "Ada: good morning") -> WALEntry {
    WALEntry(index: LogIndex(index), term: Term(term), kind: kind, payload: Array(text.utf8))
}

func entries(_ range: ClosedRange<UInt64>, term: UInt64 = 1, bytes: Int = 40) -> [WALEntry] {
    range.map { index in
        WALEntry(
            index: LogIndex(index), term: Term(term), kind: 1,
            payload: (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(index) &+ Int(term)) })
    }
}

func append(_ shard: ShardID, _ hardState: WALHardState? = nil, _ entries: [WALEntry] = []) -> WALAppend {
    WALAppend(shard: shard, ticket: 0, hardState: hardState, entries: entries)
}

func vote(_ term: UInt64, for replica: UInt64? = nil, commit: UInt64 = 0) -> WALHardState {
    WALHardState(term: Term(term), votedFor: replica.map(ReplicaID.init), commitIndex: LogIndex(commit))
}

/// What opening throws, or nil.
func openingError(_ disk: SimulatedDisk) -> WALError? {
    do throws(WALError) {
        _ = try SteppedLog(disk)
        return nil
    } catch {
        return error
    }
}

extension WALError {
    var reason: CorruptionReason? {
        if case .corrupt(_, _, let reason) = self { reason } else { nil }
    }
}
