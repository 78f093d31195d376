import ClusterModel
import WriteAheadLog

// What opening must find, and what the disk does while nobody looks.
extension LogWorld {
    /// Opens the log and holds what it found to what was acknowledged.
    mutating func open() {
        self.events += 1
        let driver = LogFaultyDriver(self.disk, batchBytes: self.swarm.settings.batchBytes)
        let opened: LogOpening.Opened<InlineSegments>
        do throws(WALError) {
            opened = try LogOpening.openInline(
                disk: self.disk, driver: driver, settings: self.swarm.settings,
                newIdentity: self.chance.generator.next() | 1)
        } catch {
            self.refused(error)
            return
        }
        if let torn = opened.recovery.tornTail {
            self.counts.torn += 1
            self.say("torn", torn)
        }
        for corruption in opened.recovery.corruptions { self.say("corrupt", "\(corruption)") }
        if !self.hasRotted, let corruption = opened.recovery.corruptions.first {
            return self.fail("corruption where there is none: \(corruption)")
        }
        self.engine = opened.engine
        var found: [ShardID: LogModel] = [:]
        for number in 0..<self.swarm.settings.shardCountMax {
            let shard = ShardID(UInt16(number))
            found[shard] = self.check(shard, opened.recovery.shards[shard], opened.engine)
            guard self.violation == nil else { return }
        }
        self.acknowledged = found
        self.submitted = found
        self.pending.removeAll()
        for (shard, model) in found.sorted(by: { $0.key < $1.key }) {
            let durable = self.projections[shard]?.durable ?? .zero
            let kept = max(min(durable, model.lastIndex), model.firstIndex.previous())
            self.projections[shard] = Projection(applied: kept, durable: kept)
            self.trace.mix(model.lastIndex.rawValue << 16 | UInt64(shard.rawValue))
        }
        self.say("opens", "\(opened.recovery.shards.count) shards, segments \(self.disk.numbers.map(\.rawValue))")
    }

    private mutating func refused(_ error: WALError) {
        self.say("refuses", "\(error)")
        self.counts.refused += 1
        // Only what was damaged may be refused, and by name. There is nothing to go on with.
        guard self.hasRotted, case .corrupt = error else { return self.fail("refused without cause: \(error)") }
        self.isOver = true
    }

    // MARK: One shard

    private mutating func check(
        _ shard: ShardID, _ recovered: WALRecovery.RecoveredShard?, _ engine: LogEngine
    ) -> LogModel? {
        let candidates = self.candidates(shard)
        guard let recovered else {
            if !candidates.contains(where: { !$0.isKnown }) { self.fail("shard \(shard) is forgotten") }
            return nil
        }
        guard let entries = self.entries(of: shard, recovered, engine) else { return nil }
        var model = LogModel()
        model.isKnown = true
        model.hardState = recovered.hardState.map {
            WALHardStateModel(term: $0.term, vote: $0.votedFor, commitIndex: $0.commitIndex)
        }
        (model.firstIndex, model.baseTerm, model.note) = (recovered.firstIndex, recovered.baseTerm, recovered.note)
        (model.entries, model.tombstone, model.isRemoved) = (entries, recovered.tombstone, recovered.isRemoved)
        if case .damaged(let damage) = recovered.condition { model.damage = damage }

        if !candidates.contains(model), !(self.hasRotted && candidates.contains { model.isAsGood(as: $0) }) {
            guard self.hasRotted, let damage = model.damage else {
                self.fail(self.difference(shard, model, candidates))
                return nil
            }
            self.counts.damaged += 1
            self.say("damaged", "shard \(shard): \(damage), ends at \(model.lastIndex)")
            let isVoteKnown = candidates.contains { $0.vote == model.vote }
            if damage == .entriesLost, !isVoteKnown {
                self.fail("shard \(shard) has another vote than it gave, and is said to have lost entries alone")
            }
        }
        let isMoved = self.pending.contains { $0.shard == shard && $0.steps.contains(where: \.isNewBeginning) }
        let durable = self.projections[shard]?.durable ?? .zero
        if !isMoved, model.damage == nil, model.firstIndex > durable.next() {
            self.fail("shard \(shard) begins at \(model.firstIndex), its projection ends at \(durable)")
        }
        return model
    }

    /// Reads all that is held, and finds each entry among those that were ever asked for.
    private mutating func entries(
        of shard: ShardID, _ recovered: WALRecovery.RecoveredShard, _ engine: LogEngine
    ) -> [ModelEntry]? {
        let found: [WALEntry]
        do throws(WALError) {
            found = try engine.read(
                shard, from: recovered.firstIndex, to: recovered.lastIndex.next(), bytesMax: .max / 2)
        } catch {
            self.fail("shard \(shard) was recovered to \(recovered.lastIndex) and can not be read: \(error)")
            return nil
        }
        var entries: [ModelEntry] = []
        for entry in found {
            let place = Place(shard: shard, index: entry.index, term: entry.term)
            guard let known = self.written[place], known.entry(at: entry.index) == entry else {
                self.fail("shard \(shard) has an entry at \(entry.index) that nobody wrote")
                return nil
            }
            entries.append(known)
        }
        let configurations = found.filter { $0.kind == ModelEntry.kindOfConfiguration }
        if recovered.configurationEntries != configurations {
            self.fail("shard \(shard) was recovered with other configurations than it holds")
        }
        if entries.last.map({ $0.term != recovered.lastTerm }) == true
            || recovered.lastIndex.count(since: recovered.firstIndex.previous()) != entries.count
        {
            self.fail("shard \(shard) does not hold what its bounds say")
        }
        return entries
    }

    /// Every state that a crash may have left: what was acknowledged, and that with any beginning of what was not.
    private func candidates(_ shard: ShardID) -> [LogModel] {
        var model = self.acknowledged[shard] ?? LogModel()
        var candidates = [model]
        for request in self.pending where request.shard == shard {
            for step in request.steps {
                model.apply(step)
                candidates.append(model)
            }
        }
        return candidates
    }

    private func difference(_ shard: ShardID, _ model: LogModel, _ candidates: [LogModel]) -> String {
        let expected = candidates[0]
        if let damage = model.damage, expected.damage != damage { return "shard \(shard) is damaged without cause" }
        if model.damage == nil, candidates.allSatisfy({ $0.damage != nil }) {
            return "shard \(shard) forgot that it is damaged"
        }
        if !candidates.contains(where: { $0.hardState == model.hardState }) {
            return "shard \(shard) lost its vote: \(String(describing: model.hardState)) for "
                + "\(String(describing: expected.hardState))"
        }
        if let near = candidates.last(where: { $0.lastIndex == model.lastIndex && $0.lastTerm == model.lastTerm }) {
            return "shard \(shard) is said to be sound and differs: \(model.facts); asked for: \(near.facts)"
        }
        return "shard \(shard) is said to be sound, from \(model.firstIndex) to \(model.lastIndex), and was "
            + "acknowledged from \(expected.firstIndex) to \(expected.lastIndex)"
    }

    // MARK: Rot

    /// Damages one place of what stands on the disk. Never so that the last write looks as if it had been cut off,
    /// which nothing can tell from rot until its marker is written.
    mutating func rot() {
        guard let number = self.chance.pick(self.disk.numbers) else { return }
        let blocks = self.disk.writtenBlocks(number)
        guard blocks > 0 else { return }
        let block = self.chance.number(0...blocks - 1)
        let isLast = self.disk.lastWrites.contains { $0.segment == number && $0.blocks.contains(block) }
        let isNewest = self.disk.lastWrites.contains { $0.segment <= number }
        switch self.chance.number(0...9) {
        case 0...5:
            let byte = block * LogFaultyDisk.blockBytes + self.chance.number(0...LogFaultyDisk.blockBytes - 1)
            self.disk.flipBit(number, byte: byte, bit: self.chance.number(0...7))
            self.say("flips", "byte \(byte) of segment \(number)")
        case 6, 7:
            guard !isLast else { return }
            self.disk.zero(number, blocks: block..<block + 1)
            self.say("zeroes", "block \(block) of segment \(number)")
        case 8:
            guard !isLast, let source = self.chance.pick(self.disk.numbers) else { return }
            let written = self.disk.writtenBlocks(source)
            guard written > 0 else { return }
            let from = self.chance.number(0...written - 1)
            self.disk.copyBlock(from: (source, from), to: (number, block))
            self.say("copies", "block \(from) of segment \(source) to block \(block) of segment \(number)")
        default:
            guard !isNewest else { return }
            self.disk.remove(number)
            self.say("removes", "segment \(number)")
        }
        self.hasRotted = true
        self.counts.rotted += 1
    }
}

extension LogModel {
    /// Term and vote, without the commit index, which a log may forget.
    fileprivate var vote: WALHardStateModel? {
        var state = self.hardState
        state?.commitIndex = .zero
        return state
    }

    fileprivate var facts: String {
        "\(self.firstIndex)...\(self.lastIndex) after term \(self.baseTerm), "
            + "vote \(self.hardState.map { "\($0.term) \(String(describing: $0.vote)) \($0.commitIndex)" } ?? "none"), "
            + "note of \(self.note.count), tombstone of \(self.tombstone.count)\(self.isRemoved ? ", removed" : "")"
    }

    /// Whether nothing is missing here that counts: a commit index, a release and its note, or the word that a shard was
    /// repaired, may be lost with the block that held them.
    fileprivate func isAsGood(as other: LogModel) -> Bool {
        guard self.vote == other.vote, self.tombstone == other.tombstone, self.isRemoved == other.isRemoved,
            self.firstIndex <= other.firstIndex, self.lastIndex == other.lastIndex, self.lastTerm == other.lastTerm,
            self.damage == other.damage
        else { return false }
        return self.entries.suffix(other.entries.count) == other.entries[...]
    }
}

extension LogStep {
    /// After it nothing of what stood before matters.
    fileprivate var isNewBeginning: Bool {
        switch self {
        case .removal, .restart: true
        case .hardState, .entry, .release, .repaired: false
        }
    }
}
