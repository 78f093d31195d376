import ClusterModel

@testable import WriteAheadLog

/// What goes wrong on the disk.
enum MatrixFault: String, CaseIterable, Sendable {
    case tornAtSector = "write torn at 512 B"
    case tornAtBlock = "write torn at 4 KiB"
    case nothingWritten = "unsynced write lost"
    case allWritten = "unsynced write arrived whole"
    case lostSuffix = "unsynced suffix lost"
    case lostMiddle = "unsynced middle lost"
    case flipHeader = "bit flip in a header"
    case flipLength = "bit flip in a length"
    case flipPayload = "bit flip in a payload"
    case flipChecksum = "bit flip in a checksum"
    case flipPadding = "bit flip in padding"
    case zeroedBlock = "zeroed block"
    case zeroedBatch = "zeroed batch (a write the disk lost)"
    case misdirected = "block of another segment"
    case stale = "stale block"
    case shortWrite = "short write"
    case failedWrite = "EIO on write"
    case failedSync = "EIO on sync"
    case failedRead = "EIO on read"
    case noSpace = "ENOSPC at create"

    /// Done to a write under way rather than to bytes at rest.
    var isOfWrite: Bool {
        switch self {
        case .tornAtSector, .tornAtBlock, .nothingWritten, .allWritten, .lostSuffix, .lostMiddle, .shortWrite,
            .failedWrite, .failedSync, .noSpace:
            true
        default: false
        }
    }
}

/// Where it goes wrong.
enum MatrixPlace: String, CaseIterable, Sendable {
    /// A batch that was written and not acknowledged.
    case tail
    /// Nothing durable stands behind it.
    case lastAcknowledged = "last acked batch"
    /// The same when its marker has been written, 50 ms later.
    case vouched = "the same, marked"
    case middle
    /// The first batch of the newest segment.
    case segmentStart = "segment header"
    /// The first batch of the only segment.
    case onlyStart = "only segment"
    case sealed = "sealed segment"
}

/// How a log that was hit opens again.
enum MatrixOutcome: Hashable, Comparable, CustomStringConvertible {
    case recovered
    case truncated
    /// How many shards, of four, lost entries; and how many their vote.
    case damaged(entries: Int, votes: Int)
    case refused(String)

    var description: String {
        switch self {
        case .recovered: "recovers exactly"
        case .truncated: "truncates the unacked write"
        case .damaged(let entries, let votes):
            "damaged: "
                + [(entries, "entries"), (votes, "vote")].filter { $0.0 > 0 }.map { "\($0.1) of \($0.0)" }
                .joined(separator: ", ")
        case .refused(let error): "refuses: \(error)"
        }
    }
}

/// One log with four shards, one fault, one place.
struct FaultMatrix {
    static let quiet = ShardID(5)
    static let others = ShardID(9)

    /// What the host was told to be durable.
    struct Acknowledged {
        var entries: [ShardID: [WALEntry]] = [:]
        var hardStates: [ShardID: WALHardState] = [:]
    }

    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    private var log: SteppedLog
    private var acknowledged = Acknowledged()
    private var pending = Acknowledged()
    /// Where the batches of the newest segment begin, and the number of their blocks.
    private var batches: [(start: Int, blocks: Int)] = []

    static func applies(_ fault: MatrixFault, at place: MatrixPlace) -> Bool {
        switch place {
        case .tail: fault != .noSpace
        case .lastAcknowledged, .vouched, .middle, .sealed: !fault.isOfWrite
        case .segmentStart, .onlyStart: true
        }
    }

    static func run(_ fault: MatrixFault, at place: MatrixPlace, sectorOffset: Int = 0) throws -> MatrixOutcome {
        var matrix = FaultMatrix(log: try SteppedLog())
        return try matrix.outcome(fault, place, sectorOffset)
    }

    private init(log: SteppedLog) { self.log = log }

    // MARK: Building

    private mutating func commit(_ shard: ShardID, _ hardState: WALHardState?, count: Int) throws {
        let first = UInt64((self.acknowledged.entries[shard] ?? []).count + 1)
        let new =
            count == 0
            ? [] : entries(first...first + UInt64(count) - 1, term: hardState?.term.rawValue ?? 1, bytes: 2_900)
        self.pending = self.acknowledged
        if let hardState { self.pending.hardStates[shard] = hardState }
        self.pending.entries[shard, default: []] += new
        let before = self.log.engine.filling.startBlock
        try self.log.commit([append(shard, hardState, new)])
        self.acknowledged = self.pending
        let after = self.log.engine.filling.startBlock
        if after > before { self.batches.append((before, after - before)) } else { self.batches = [] }
    }

    private mutating func build(_ place: MatrixPlace) throws {
        try self.commit(Self.quiet, vote(3, for: 2), count: 0)
        try self.commit(general, vote(1, for: 1), count: 3)
        try self.commit(random, vote(1), count: 3)
        try self.commit(Self.others, vote(2), count: 2)
        if place == .sealed || place == .segmentStart {
            for _ in 0..<6 { try self.commit(general, nil, count: 3) }
        }
        if place == .sealed {
            try self.log.engine.roll()
            try self.commit(random, nil, count: 2)
        } else if place != .segmentStart {
            try self.commit(random, nil, count: 3)
            try self.commit(general, nil, count: 3)
            try self.commit(Self.others, nil, count: 3)
        }
    }

    // MARK: The fault

    private mutating func outcome(_ fault: MatrixFault, _ place: MatrixPlace, _ offset: Int) throws -> MatrixOutcome {
        // The very first write of a log is cut on an empty disk.
        if place != .onlyStart || !fault.isOfWrite { try self.build(place) }
        let disk = fault.isOfWrite ? try self.cutWrite(fault, place, offset) : try self.hurt(fault, place)
        if place == .lastAcknowledged, fault == .zeroedBlock || fault == .zeroedBatch {
            // Until the marker is written this can not be told from a write that was cut off (docs/wal.md).
            self.acknowledged.entries[Self.others]?.removeLast(3)
        }
        return try self.judge(disk)
    }

    private mutating func cutWrite(_ fault: MatrixFault, _ place: MatrixPlace, _ offset: Int) throws -> SimulatedDisk {
        let disk = place == .onlyStart ? SimulatedDisk() : self.log.disk
        let writeFault: SimulatedDisk.WriteFault? =
            switch fault {
            case .tornAtSector: .power(.sectors { $0 < 3 + offset })
            case .tornAtBlock: .power(.sectors { $0 < 8 })
            case .nothingWritten: .power(.nothingWritten)
            case .allWritten: .power(.everythingWritten)
            case .lostSuffix: .power(.sectors { $0 < 2 })
            case .lostMiddle: .power(.sectors { $0 != 3 + offset })
            case .shortWrite: .short
            case .failedWrite: .fails(errorNumber: 5)
            case .failedSync: .syncFails(errorNumber: 5)
            default: nil
            }
        if let writeFault { disk.failWrite(writeFault) }
        if fault == .noSpace { disk.failCreating(28) }
        let isStopped: Bool
        do {
            switch place {
            case .tail: try self.commit(general, vote(4, for: 4), count: 3)
            case .segmentStart: try self.log.engine.roll()
            default: _ = try SteppedLog(disk)
            }
            isStopped = false
        } catch is WALError {
            isStopped = true
        }
        guard isStopped else { throw Violation(description: "the writer went on after '\(fault.rawValue)'") }
        return SimulatedDisk(copying: disk)
    }

    private mutating func hurt(_ fault: MatrixFault, _ place: MatrixPlace) throws -> SimulatedDisk {
        if place == .tail {
            self.log.disk.failWrite(.power(.everythingWritten))
            do {
                try self.commit(general, vote(4, for: 4), count: 3)
                throw Violation(description: "the writer went on")
            } catch is WALError {}
        }
        if place == .segmentStart { try self.log.engine.roll() }
        if place == .vouched { try self.log.engine.mark() }
        let disk = SimulatedDisk(copying: self.log.disk)
        let segment = place == .sealed ? SegmentNumber(1) : try self.newest(disk)
        let target: (start: Int, blocks: Int)
        switch place {
        case .tail: target = (self.log.engine.inFlight.map { $0.batch.startBlock } ?? 0, 3)
        case .lastAcknowledged, .vouched: target = try self.batch(fromEnd: 1)
        case .middle: target = try self.batch(fromEnd: 2)
        case .segmentStart, .onlyStart: target = (0, 1)
        case .sealed: target = (5, 3)
        }
        let byte = target.start * 4_096
        switch fault {
        case .flipHeader: disk.flipBit(segment, byte: byte + 16)
        case .flipLength: disk.flipBit(segment, byte: byte + 28)
        case .flipPayload: disk.flipBit(segment, byte: byte + 500)
        case .flipChecksum: disk.flipBit(segment, byte: byte + 1)
        case .flipPadding: disk.flipBit(segment, byte: byte + target.blocks * 4_096 - 1)
        case .zeroedBlock: disk.zero(segment, bytes: byte..<byte + 4_096)
        case .zeroedBatch: disk.zero(segment, bytes: byte..<byte + target.blocks * 4_096)
        case .misdirected:
            let foreign = try SteppedLog().disk.content(SegmentNumber(1))
            disk.change(segment) { $0.replaceSubrange(byte..<byte + 4_096, with: foreign[0..<4_096]) }
        case .stale:
            disk.copyBlock(
                from: (segment, place == .onlyStart ? 1 : target.start == 1 ? 2 : 1), to: (segment, target.start))
        case .failedRead: disk.failReading(5)
        default: throw Violation(description: "'\(fault.rawValue)' is of a write")
        }
        return disk
    }

    private func newest(_ disk: SimulatedDisk) throws -> SegmentNumber {
        guard let newest = disk.numbers.last else { throw Violation(description: "no segment") }
        return newest
    }

    private func batch(fromEnd count: Int) throws -> (start: Int, blocks: Int) {
        guard self.batches.count >= count else { throw Violation(description: "no batch to hit") }
        return self.batches[self.batches.count - count]
    }

    // MARK: Judging

    /// Opens, compares with what was acknowledged, goes on writing, and opens once more: what is sound stays sound and
    /// complete, what is damaged stays said.
    private func judge(_ disk: SimulatedDisk) throws -> MatrixOutcome {
        let opened: SteppedLog
        do throws(WALError) {
            opened = try SteppedLog(disk)
        } catch {
            return .refused(Self.name(error))
        }
        let first = try self.check(opened, self.acknowledged, self.pending)
        var log = opened
        var later = self.acknowledged
        for (shard, recovered) in opened.recovery.shards {
            later.entries[shard] =
                recovered.lastIndex > .zero ? try opened.read(shard, 1...recovered.lastIndex.rawValue) : []
            later.hardStates[shard] = recovered.hardState
        }
        let index = UInt64((later.entries[general] ?? []).count + 1)
        let new = entries(index...index, term: 7, bytes: 900)
        later.entries[general, default: []] += new
        later.hardStates[general] = vote(7)
        try log.commit([append(general, vote(7), new)])
        for _ in 0..<2 {
            let again = try SteppedLog(disk)
            let second = try self.check(again, later, later)
            guard Self.damage(first) == Self.damage(second) else {
                throw Violation(description: "\(first) became \(second) at the next opening")
            }
            try again.engine.mark()
        }
        return first
    }

    private static func damage(_ outcome: MatrixOutcome) -> MatrixOutcome? {
        if case .damaged = outcome { outcome } else { nil }
    }

    private func check(
        _ log: SteppedLog, _ acknowledged: Acknowledged, _ pending: Acknowledged
    ) throws -> MatrixOutcome {
        var (entriesLost, votesLost) = (0, 0)
        for shard in [general, random, Self.quiet, Self.others] {
            let recovered = log.recovery.shards[shard] ?? WALRecovery.RecoveredShard()
            let found =
                recovered.lastIndex > .zero && recovered.firstIndex == LogIndex(1)
                ? try log.read(shard, 1...recovered.lastIndex.rawValue) : []
            let known = acknowledged.entries[shard] ?? []
            let possible = pending.entries[shard] ?? []
            guard found == Array(possible.prefix(found.count)) else {
                throw Violation(description: "shard \(shard) has entries that nobody wrote")
            }
            switch recovered.condition {
            case .sound where found.count < known.count:
                throw Violation(description: "shard \(shard) is called sound and lost \(known.count - found.count)")
            case .damaged(.hardStateLost): votesLost += 1
            case .sound, .damaged(.entriesLost):
                let states = [acknowledged.hardStates[shard], pending.hardStates[shard]]
                guard states.contains(recovered.hardState) else {
                    throw Violation(description: "shard \(shard) has another vote than it gave")
                }
                if recovered.condition != .sound { entriesLost += 1 }
            }
        }
        if entriesLost + votesLost > 0 { return .damaged(entries: entriesLost, votes: votesLost) }
        return log.recovery.tornTail == nil ? .recovered : .truncated
    }

    private static func name(_ error: WALError) -> String {
        switch error {
        case .disk(let failure): "\(failure.operation) failed"
        case .corrupt(_, _, let reason): "\(reason)"
        default: "\(error)"
        }
    }
}
