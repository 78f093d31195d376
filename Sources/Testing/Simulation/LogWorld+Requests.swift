import ClusterModel
import WriteAheadLog

// What the host asks the log for.
extension LogWorld {
    mutating func submit(to engine: LogEngine) {
        let shard = ShardID(UInt16(self.chance.number(0...self.swarm.shards - 1)))
        let request = self.request(for: shard)
        for step in request.steps { self.submitted[shard, default: LogModel()].apply(step) }
        self.pending.append(request)
        engine.accept([request.work])
        // Not by chance, so that the seeds of before say what they said.
        if self.lastTicket % 23 == 0 { engine.accept([.rollOver]) }
    }

    private mutating func request(for shard: ShardID) -> LogRequest {
        let model = self.submitted[shard] ?? LogModel()
        if model.damage == .hardStateLost || self.chance.percent(self.swarm.removalPercent) {
            return self.removal(of: shard)
        }
        if model.isKnown {
            if model.damage != nil, self.chance.percent(15) {
                return LogRequest(shard: shard, ticket: 0, steps: [.repaired])
            }
            if self.chance.percent(self.swarm.releasePercent) { return self.release(of: shard, model) }
            if self.chance.percent(self.swarm.restartPercent) { return self.restart(of: shard, model) }
        }
        var steps: [LogStep] = []
        if !model.isKnown || self.chance.percent(30) { steps.append(self.hardState(of: shard, model)) }
        if self.chance.percent(90) { steps += self.entries(of: shard, model) }
        return self.ticketed(shard, steps)
    }

    private mutating func ticketed(_ shard: ShardID, _ steps: [LogStep]) -> LogRequest {
        self.lastTicket += 1
        return LogRequest(shard: shard, ticket: self.lastTicket, steps: steps)
    }

    private mutating func hardState(of shard: ShardID, _ model: LogModel) -> LogStep {
        if self.chance.percent(50) { self.terms[shard, default: 0] += 1 }
        let vote = self.chance.percent(60) ? ReplicaID(UInt64(self.chance.number(1...5))) : nil
        return .hardState(
            WALHardStateModel(
                term: Term(self.terms[shard, default: 0]), vote: vote,
                commitIndex: self.projections[shard]?.applied ?? .zero))
    }

    private mutating func entries(of shard: ShardID, _ model: LogModel) -> [LogStep] {
        var first = model.lastIndex.next()
        let lowest = max(model.firstIndex, (self.projections[shard]?.applied ?? .zero).next())
        if lowest < first, self.chance.percent(self.swarm.conflictPercent) {
            first = lowest.advanced(by: self.chance.number(0...first.count(since: lowest) - 1))
            // Index and term name one entry for ever.
            self.terms[shard, default: 0] += 1
        }
        let term = Term(max(self.terms[shard, default: 0], 1))
        self.terms[shard] = term.rawValue
        return (0..<self.chance.number(1...4)).map { offset in
            let isBig = self.chance.percent(self.swarm.bigPercent)
            let bytes =
                isBig ? self.chance.number(2_000...self.swarm.settings.payloadBytesMax) : self.chance.number(0...300)
            let entry = ModelEntry(term: term, nonce: self.chance.generator.next(), bytes: bytes)
            let index = first.advanced(by: offset)
            self.written[Place(shard: shard, index: index, term: term)] = entry
            return .entry(index, entry)
        }
    }

    private mutating func release(of shard: ShardID, _ model: LogModel) -> LogRequest {
        let projection = self.projections[shard] ?? Projection()
        let mayGo =
            self.swarm.settings.faults.contains(.releasesUnapplied) ? projection.applied : projection.durable
        let note = [UInt8](repeating: UInt8(self.chance.number(0...255)), count: self.chance.number(0...40))
        return LogRequest(shard: shard, ticket: 0, steps: [.release(mayGo.next().rawValue, note: note)])
    }

    /// A snapshot took the place of everything. It was durable before the log hears of it.
    private mutating func restart(of shard: ShardID, _ model: LogModel) -> LogRequest {
        self.terms[shard, default: 0] += 1
        let index = model.lastIndex.advanced(by: self.chance.number(1...20))
        self.projections[shard] = Projection(applied: index, durable: index)
        let note = [UInt8](repeating: 7, count: self.chance.number(0...40))
        return self.ticketed(shard, [.restart(index, Term(self.terms[shard, default: 0]), note: note)])
    }

    private mutating func removal(of shard: ShardID) -> LogRequest {
        self.projections[shard] = Projection()
        self.terms[shard, default: 0] += 1
        let tombstone = [UInt8](repeating: 3, count: self.chance.number(1...20))
        return self.ticketed(shard, [.removal(tombstone)])
    }
}
