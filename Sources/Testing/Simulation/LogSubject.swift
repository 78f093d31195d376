import ClusterModel
import WriteAheadLog

/// The write-ahead log over a faulty disk, under one seed: lives that end in crashes, and openings that must find what
/// was acknowledged, or say what is damaged.
package enum LogSubject: SimulationSubject {
    package static let name = "log"

    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        self.run(seed: seed, faults: [], narrate: narrate)
    }

    /// - Parameter faults: mistakes to make, see `LogMutants`.
    package static func run(
        seed: UInt64, faults: WALSettings.Faults, narrate: ((String) -> Void)? = nil
    ) -> SimulationReport {
        var world = LogWorld(seed: seed, faults: faults, narrate)
        world.run()
        return world.report(seed: seed)
    }
}

/// What one seed is made of.
struct LogSwarm {
    let shards: Int
    let lives: Int
    let actionsMax: Int
    let conflictPercent: Int
    let bigPercent: Int
    let releasePercent: Int
    let restartPercent: Int
    let removalPercent: Int
    /// Of the lives that end in a crash: how many leave damage to what was durable.
    let rotPercent: Int
    let errorPercent: Int
    let fullPercent: Int
    var settings = WALSettings()

    init(_ chance: inout Chance, faults: WALSettings.Faults) {
        self.shards = chance.number(1...6)
        self.lives = chance.number(2...7)
        self.actionsMax = chance.number(4...60)
        self.conflictPercent = chance.dimension(2...20)
        self.bigPercent = chance.dimension(1...20)
        self.releasePercent = chance.dimension(2...15, onPercent: 75)
        self.restartPercent = chance.dimension(1...6)
        self.removalPercent = chance.dimension(1...4)
        self.rotPercent = chance.dimension(20...80)
        self.errorPercent = chance.dimension(10...60)
        self.fullPercent = chance.dimension(10...50, onPercent: 30)
        let batchBlocks = chance.number(2...6)
        self.settings.batchBytes = batchBlocks * LogFaultyDisk.blockBytes
        self.settings.segmentBytes = chance.number(2 * batchBlocks...24) * LogFaultyDisk.blockBytes
        self.settings.shardCountMax = 8
        self.settings.noteBytesMax = 40
        self.settings.retainedKinds = [ModelEntry.kindOfConfiguration]
        self.settings.faults = faults
    }
}

/// The host of one log: what it asked for, what it was told, and what that obliges the log to.
struct LogWorld {
    /// A host's projection of one shard.
    struct Projection {
        var applied = LogIndex.zero
        /// What of it survives a crash. Nothing above it may be released.
        var durable = LogIndex.zero
    }

    struct Place: Hashable {
        let shard: ShardID
        let index: LogIndex
        let term: Term
    }

    let swarm: LogSwarm
    var chance: Chance
    let narrate: ((String) -> Void)?
    let disk: LogFaultyDisk
    var engine: LogEngine?
    /// What must be there.
    var acknowledged: [ShardID: LogModel] = [:]
    /// What was asked for since, in order: any beginning of it may be there as well.
    var pending: [LogRequest] = []
    /// All that was asked for.
    var submitted: [ShardID: LogModel] = [:]
    var projections: [ShardID: Projection] = [:]
    /// Every entry that was ever asked for. Index and term name one alone, as Raft promises.
    var written: [Place: ModelEntry] = [:]
    var terms: [ShardID: UInt64] = [:]
    var lastTicket: UInt64 = 0
    var hasRotted = false
    var violation: String?
    var isOver = false
    var trace = TraceHash()
    var events = 0
    var counts = (commits: 0, lives: 0, torn: 0, rotted: 0, damaged: 0, refused: 0)

    init(seed: UInt64, faults: WALSettings.Faults, _ narrate: ((String) -> Void)?) {
        var chance = Chance(seed: seed)
        self.swarm = LogSwarm(&chance, faults: faults)
        self.disk = LogFaultyDisk(Chance(seed: chance.generator.next()))
        self.chance = chance
        self.narrate = narrate
    }

    mutating func run() {
        for _ in 0..<self.swarm.lives {
            guard self.violation == nil, !self.isOver else { return }
            self.counts.lives += 1
            self.open()
            guard self.violation == nil else { return }
            if self.engine != nil { self.live() }
            self.engine = nil
            if self.chance.percent(self.swarm.rotPercent) { self.rot() }
        }
        guard self.violation == nil, !self.isOver else { return }
        self.open()
    }

    func report(seed: UInt64) -> SimulationReport {
        SimulationReport(
            seed: seed, events: self.events, simulated: VirtualTime(microseconds: UInt64(self.events) * 1_000),
            trace: self.trace, violation: self.violation,
            counts: [
                ("lives", self.counts.lives), ("commits", self.counts.commits), ("torn tails", self.counts.torn),
                ("rotted", self.counts.rotted), ("damaged", self.counts.damaged), ("refused", self.counts.refused),
                ("segments", self.disk.segmentsMade),
            ])
    }

    mutating func fail(_ text: String) {
        if self.violation == nil { self.violation = text }
    }

    func say(_ verb: String, _ details: @autoclosure () -> String) {
        self.narrate?(Narration.line(VirtualTime(microseconds: UInt64(self.events) * 1_000), "log", verb, details()))
    }

    // MARK: A life

    private mutating func live() {
        let crashAt = self.chance.number(0...self.swarm.actionsMax)
        let fault: LogFaultyDisk.WriteFault? =
            self.chance.percent(self.swarm.errorPercent)
            ? self.chance.pick([.writeError, .syncError, .syncError, .short]) : nil
        self.disk.setFull(self.chance.percent(self.swarm.fullPercent))
        defer {
            self.disk.failNextWrite(nil)
            self.disk.setFull(false)
        }
        do throws(WALError) {
            for action in 0..<crashAt {
                self.events += 1
                if action == crashAt - 1 { self.disk.failNextWrite(fault ?? .power) }
                try self.act()
                guard self.violation == nil else { return }
            }
            if self.chance.percent(20) {
                try self.commitAll()
                try self.engine?.mark()
                self.say("closes", "")
            } else {
                self.disk.failNextWrite(.power)
                try self.commitAll()
                self.say("stops", "")
            }
        } catch {
            self.say("dies", "\(error)")
            if case .disk = error { return }
            self.fail("the writer stopped with \(error)")
        }
    }

    private mutating func act() throws(WALError) {
        guard let engine = self.engine else { return }
        for _ in 0..<self.chance.number(1...4) { self.submit(to: engine) }
        engine.fill()
        if self.chance.percent(30) {
            // More comes while the disk writes.
            if !engine.hasBatch { self.synced(try engine.commit()) }
            if engine.hasBatch {
                try engine.begin()
                self.submit(to: engine)
                engine.fill()
                self.synced(try engine.finish())
            }
        }
        if self.chance.percent(70) { try self.commitAll() }
        if self.pending.isEmpty {
            self.advanceProjections()
            if self.chance.percent(30) { try engine.mark() }
            if self.chance.percent(4) { try engine.roll() }
            if self.chance.percent(15) { self.readBack(engine) }
        }
    }

    private mutating func commitAll() throws(WALError) {
        guard let engine = self.engine else { return }
        engine.fill()
        while engine.hasWork {
            self.synced(try engine.commit())
            engine.fill()
        }
        // What carries no ticket is durable as well.
        for request in self.pending { self.acknowledge(request) }
        self.pending.removeAll()
    }

    private mutating func synced(_ appends: [SyncedAppend]) {
        self.counts.commits += 1
        for append in appends {
            while let first = self.pending.first, first.ticket == 0 { self.acknowledge(self.pending.removeFirst()) }
            guard let first = self.pending.first, first.ticket == append.ticket, first.shard == append.shard else {
                return self.fail("ticket \(append.ticket) of shard \(append.shard) is out of turn")
            }
            self.acknowledge(self.pending.removeFirst())
            self.trace.mix(append.ticket)
        }
    }

    private mutating func acknowledge(_ request: LogRequest) {
        for step in request.steps { self.acknowledged[request.shard, default: LogModel()].apply(step) }
    }

    private mutating func advanceProjections() {
        for number in 0..<self.swarm.shards {
            let shard = ShardID(UInt16(number))
            guard let model = self.acknowledged[shard], model.damage == nil else { continue }
            var projection = self.projections[shard] ?? Projection()
            if projection.applied < model.lastIndex, self.chance.percent(50) {
                let behind = Int(model.lastIndex.rawValue - projection.applied.rawValue)
                projection.applied = projection.applied.advanced(by: self.chance.number(0...behind))
            }
            if self.chance.percent(20) { projection.durable = projection.applied }
            self.projections[shard] = projection
        }
    }

    private mutating func readBack(_ engine: LogEngine) {
        let shard = ShardID(UInt16(self.chance.number(0...self.swarm.shards - 1)))
        guard let model = self.acknowledged[shard], !model.entries.isEmpty else { return }
        let first = self.chance.number(0...model.entries.count - 1)
        let from = model.firstIndex.advanced(by: first)
        do throws(WALError) {
            let found = try engine.read(shard, from: from, to: model.lastIndex.next(), bytesMax: .max / 2)
            let expected = model.entries[first...].enumerated().map { $1.entry(at: from.advanced(by: $0)) }
            if found != expected { self.fail("shard \(shard) reads back other entries from \(from) on") }
        } catch {
            // Rot that an opening found nobody to charge with can still be met here.
            if !self.hasRotted { self.fail("shard \(shard) can not be read from \(from) on: \(error)") }
        }
    }
}
