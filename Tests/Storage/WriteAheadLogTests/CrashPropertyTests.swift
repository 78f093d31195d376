import ClusterModel
import Testing

@testable import WriteAheadLog

/// What a host may rely on, kept beside the log under test.
private struct Model {
    var entries: [ShardID: [WALEntry]] = [:]
    var hardStates: [ShardID: WALHardState] = [:]

    mutating func apply(_ append: WALAppend) {
        if let hardState = append.hardState { self.hardStates[append.shard] = hardState }
        for entry in append.entries {
            var log = self.entries[append.shard] ?? []
            log.removeLast(max(0, log.count - Int(entry.index.rawValue) + 1))
            log.append(entry)
            self.entries[append.shard] = log
        }
    }
}

@Suite struct CrashPropertyTests {
    private static func randomAppend(
        _ model: Model, _ ticket: UInt64, _ generator: inout SeededGenerator
    ) -> WALAppend {
        let shard = ShardID(UInt16.random(in: 0..<6, using: &generator))
        let log = model.entries[shard] ?? []
        let back = Int.random(in: 0..<8, using: &generator) == 0 ? Int.random(in: 0...log.count, using: &generator) : 0
        let first = log.count - back + 1
        let entries = (0..<Int.random(in: 0...4, using: &generator)).map { offset in
            let bytes = Int.random(in: 0..<10, using: &generator) == 0 ? 6_000 : 120
            return WALEntry(
                index: LogIndex(UInt64(first + offset)), term: Term(ticket),
                kind: UInt8.random(in: 1...9, using: &generator),
                payload: (0..<Int.random(in: 0...bytes, using: &generator)).map {
                    UInt8(truncatingIfNeeded: $0 + Int(ticket))
                })
        }
        let hardState = Bool.random(using: &generator) ? vote(ticket, for: ticket % 3 == 0 ? nil : ticket) : nil
        return WALAppend(shard: shard, ticket: ticket, hardState: hardState, entries: entries)
    }

    /// Appends at random, cuts the power in a write at random, opens again; ten times over one disk.
    @Test(arguments: 0..<30)
    func `whatever was acknowledged is there after a power cut, in order, and nothing was invented`(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed) &+ 1_000)
        var disk = SimulatedDisk()
        var acknowledged = Model()
        var ticket: UInt64 = 0
        for life in 0..<10 {
            let log = try SteppedLog(disk)
            // Everything that was submitted in the life before: durable up to some append, never beyond a gap.
            var submitted = acknowledged
            var pending: [WALAppend] = []
            let writes = Int.random(in: 0..<12, using: &generator)
            let sectorSeed = generator.next()
            let keep = Int.random(in: 0...2, using: &generator)
            disk.failWrite(
                after: writes,
                .power(
                    .sectors { index in
                        var own = SeededGenerator(seed: sectorSeed &+ UInt64(index))
                        return keep == 0 ? own.next() % 2 == 0 : keep == 1 ? index < Int(sectorSeed % 40) : true
                    }))
            power: while true {
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    ticket += 1
                    let append = Self.randomAppend(submitted, ticket, &generator)
                    submitted.apply(append)
                    pending.append(append)
                    log.engine.accept([.append(append)])
                }
                log.engine.fill()
                do throws(WALError) {
                    while log.engine.hasWork {
                        for synced in try log.engine.commit() {
                            let next = pending.removeFirst()
                            #expect(synced == SyncedAppend(shard: next.shard, ticket: next.ticket))
                            acknowledged.apply(next)
                        }
                        log.engine.fill()
                    }
                    if Int.random(in: 0..<4, using: &generator) == 0 { try log.engine.mark() }
                } catch {
                    break power
                }
            }
            disk = SimulatedDisk(copying: disk)
            acknowledged = try Self.compare(disk, acknowledged, pending, "seed \(seed), life \(life)")
        }
    }

    /// The log found must be the acknowledged one, or that and some of what was pending, from the first on; an append
    /// may have arrived in part, since a batch can end inside it.
    /// - Returns: what was found.
    private static func compare(
        _ disk: SimulatedDisk, _ acknowledged: Model, _ pending: [WALAppend], _ comment: Comment
    ) throws -> Model {
        let log = try SteppedLog(disk)
        var found = Model()
        for (shard, recovered) in log.recovery.shards {
            if let hardState = recovered.hardState { found.hardStates[shard] = hardState }
            if recovered.lastIndex > .zero {
                found.entries[shard] = try log.read(shard, 1...recovered.lastIndex.rawValue)
                #expect(recovered.lastTerm == found.entries[shard]?.last?.term, comment)
                let kept = found.entries[shard]?.filter { $0.kind == 9 }
                #expect(recovered.configurationEntries == kept, comment)
            }
        }
        var candidates = [acknowledged]
        var model = acknowledged
        for append in pending {
            var head = append
            head.entries = []
            var partial = model
            partial.apply(head)
            candidates.append(partial)
            for entry in append.entries {
                var one = WALAppend(shard: append.shard, ticket: 0)
                one.entries = [entry]
                partial.apply(one)
                candidates.append(partial)
            }
            model.apply(append)
        }
        let isKnown = candidates.contains {
            $0.hardStates == found.hardStates
                && $0.entries.filter { !$0.value.isEmpty } == found.entries.filter { !$0.value.isEmpty }
        }
        #expect(isKnown, comment)
        return found
    }
}
