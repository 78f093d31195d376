import ClusterModel

/// Where a record begins: the segment in the upper half, the byte in the lower.
struct RecordPosition: Hashable, Comparable {
    let rawValue: UInt64

    init(segment: SegmentNumber, byteOffset: Int) {
        self.rawValue = UInt64(segment.rawValue) << 32 | UInt64(UInt32(byteOffset))
    }
    init(rawValue: UInt64) { self.rawValue = rawValue }

    var segment: SegmentNumber { SegmentNumber(UInt32(self.rawValue >> 32)) }
    var byteOffset: Int { Int(UInt32(truncatingIfNeeded: self.rawValue)) }
    static func < (left: RecordPosition, right: RecordPosition) -> Bool { left.rawValue < right.rawValue }
}

/// All shards of the log, by id.
struct ShardTable {
    private var logs: [ShardLog?] = []

    subscript(shard: ShardID) -> ShardLog? {
        let index = Int(shard.rawValue)
        return index < self.logs.count ? self.logs[index] : nil
    }

    /// Changes a shard in place; a shard that was never heard of begins empty.
    mutating func update<Result>(_ shard: ShardID, _ change: (inout ShardLog) -> Result) -> Result {
        let index = Int(shard.rawValue)
        if index >= self.logs.count {
            self.logs.append(contentsOf: repeatElement(nil, count: index + 1 - self.logs.count))
        }
        var log = self.logs[index] ?? ShardLog()
        self.logs[index] = nil  // The table must not hold a second reference, or every append copies.
        defer { self.logs[index] = log }
        return change(&log)
    }

    /// Forgets a shard.
    mutating func remove(_ shard: ShardID) {
        guard self[shard] != nil else { return }
        self.logs[Int(shard.rawValue)] = nil
    }

    /// In the order of their ids.
    var shards: [(shard: ShardID, log: ShardLog)] {
        self.logs.indices.compactMap { index in
            self.logs[index].map { (ShardID(UInt16(index)), $0) }
        }
    }

    /// The lowest segment that holds an entry that is still needed; nil when no entry is.
    var lowestNeededSegment: SegmentNumber? {
        self.logs.lazy.compactMap { $0?.lowestPosition?.segment }.min()
    }
}
