import ClusterModel
import Failpoints

// From segment to segment.
extension LogEngine {
    /// Goes on in the next segment, whose first batch says what all shards must not forget.
    package func roll() throws(WALError) {
        precondition(self.inFlight == nil && !self.hasBatch, "a new segment while a batch is open")
        Failpoints.hit(.walSegmentSeal)
        let number = self.segment?.next() ?? SegmentNumber(1)
        let previousEnd = self.segment == nil ? 0 : self.filling.startBlock
        try onDisk { () throws(DiskFailure) in
            try self.supply.take(number)
            try self.driver.use(number)
        }
        self.segment = number
        self.segmentBlocks = try self.state.file(number).blockCount
        self.beginFilling(at: 0)
        self.encodeSegmentStart(previousEnd: previousEnd)
        try self.begin(.segmentStart)
        _ = try self.finish()
        Failpoints.hit(.walSegmentSealed)
        self.segments.append(number)
        self.isRollDue = false
        self.holdsEntries = false
        self.isMarkerDue = false
        self.retireSegments()
    }

    /// Whether a segment that somebody wants closed can go on. Without a spare it does: on a full disk the next segment is
    /// for entries, and whoever asked asks again.
    func mayGoOn() -> Bool {
        guard self.holdsEntries, let segment = self.segment else { return true }
        return !self.supply.isReady(segment.next())
    }

    private func encodeSegmentStart(previousEnd: Int) {
        let start = SegmentStart(
            blockCount: UInt64(self.segmentBlocks), previousEnd: UInt64(previousEnd), previous: self.previous,
            begunAt: self.state.milliseconds)
        let head = RecordHead(
            .segmentStart, shard: .directory, bodyBytes: start.words.count * 8, index: LogIndex(start.previousEnd),
            term: Term(start.begunAt))
        self.filling.encoder.append(head, words: start.words)
        for (shard, log) in self.state.withTable({ $0.shards }) {
            let isForgotten = self.settings.faults.contains(.forgetsHardStates) && log.lowestPosition == nil
            if let hardState = log.hardState, !isForgotten { self.encode(hardState, of: shard) }
            self.encode(ShardBounds(log), of: shard)
            // All else here repeats what the records say. Of a damaged shard it is the one place that says so.
            guard log.damage != nil else { continue }
            self.filling.encoder.footprint.insertEntries(of: shard)
            self.filling.encoder.footprint.insertVote(of: shard)
        }
    }

    private func encode(_ bounds: ShardBounds, of shard: ShardID) {
        let head = RecordHead(
            .bounds, shard: shard, bodyBytes: bounds.words.count * 8, index: bounds.lastIndex, term: bounds.lastTerm)
        self.filling.encoder.append(head, words: bounds.words)
        func add(_ kind: RecordKind, _ bytes: [UInt8]) {
            guard !bytes.isEmpty else { return }
            let head = RecordHead(kind, shard: shard, bodyBytes: bytes.count, index: .zero)
            self.filling.encoder.append(head, bytes: bytes)
        }
        add(.note, bounds.note)
        add(.tombstone, bounds.tombstone)
    }

    /// Gives back the oldest segments that hold no entry that is needed. Their hard states stand in every later one.
    func retireSegments() {
        guard let current = self.segment else { return }
        let lowest = min(self.state.withTable { $0.lowestNeededSegment } ?? current, current)
        while let oldest = self.segments.first, oldest < lowest {
            self.segments.removeFirst()
            self.state.forget(oldest)
            self.supply.retire(oldest)
        }
        self.statistics.segments = self.segments.count
    }
}
