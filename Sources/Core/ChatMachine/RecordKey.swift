import ChatModel
import ClusterModel

// Keys of records: most significant byte first, so that rows sort as their ids do.

enum RecordKey {
    static func of(_ high: UInt64, _ low: UInt64) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(16)
        Self.append(high, to: &key)
        Self.append(low, to: &key)
        return key
    }

    static func of(_ id: some PrefixedID) -> [UInt8] { Self.of(id.high, id.low) }

    static func of(_ first: some PrefixedID, _ second: some PrefixedID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(32)
        Self.append(first.high, to: &key)
        Self.append(first.low, to: &key)
        Self.append(second.high, to: &key)
        Self.append(second.low, to: &key)
        return key
    }

    static func of(_ position: OutboxPosition) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(12)
        Self.append(position.index.rawValue, to: &key)
        Self.append(position.ordinal, to: &key)
        return key
    }

    static func of(_ shard: ShardID) -> [UInt8] {
        var key: [UInt8] = []
        Self.append(shard.rawValue, to: &key)
        return key
    }

    static func of(_ name: UniqueName) -> [UInt8] { [name.kind.rawValue] + Array(name.name.utf8) }

    /// The inverse of `of` for names; nil for bytes that no name has.
    static func name(_ key: [UInt8]) -> UniqueName? {
        guard let first = key.first, let kind = NameKind(rawValue: first),
            let text = String(validating: key.dropFirst(), as: UTF8.self)
        else { return nil }
        return UniqueName(kind: kind, name: text)
    }

    /// The inverse of `of` for one id or the first of two.
    static func id<ID: PrefixedID>(_ key: [UInt8], at offset: Int = 0) -> ID? {
        guard offset >= 0, key.count >= offset + 16 else { return nil }
        func word(_ start: Int) -> UInt64 { key[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return ID(high: word(offset), low: word(offset + 8))
    }

    static func node(_ key: [UInt8]) -> NodeID? {
        guard key.count == 16 else { return nil }
        func word(_ start: Int) -> UInt64 { key[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return NodeID(high: word(0), low: word(8))
    }

    static func shard(_ key: [UInt8]) -> ShardID? {
        key.count == 2 ? ShardID(UInt16(key[0]) << 8 | UInt16(key[1])) : nil
    }

    private static func append(_ value: some FixedWidthInteger, to key: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { key.append(contentsOf: $0) }
    }
}
