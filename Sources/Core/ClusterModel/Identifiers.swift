// The nouns that every layer shares: who a node is, which shard and which place in its log.
// Each is a type of its own, so that the compiler refuses a term where an index belongs.

/// One `roost` data directory. Minted from 128 random bits with the identity file and never reused:
/// a wiped node comes back as another node.
package struct NodeID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static func random(using generator: inout some RandomNumberGenerator) -> NodeID {
        NodeID(high: generator.next(), low: generator.next())
    }
}

/// One founded cluster, 128 random bits. It stands in every certificate, hello and Raft message.
package struct ClusterID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static func random(using generator: inout some RandomNumberGenerator) -> ClusterID {
        ClusterID(high: generator.next(), low: generator.next())
    }
}

/// One of the fixed groups that own channels and users by hash. Shard 0 is the directory.
package struct ShardID: Hashable, Sendable {
    package let rawValue: UInt16
    package init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// The shard that holds the registry of nodes, names, settings and keys.
    package static let directory = ShardID(0)
}

/// One replica's place in one group. Counts up per group and is never reused, so a message to a
/// replica that was removed can not be taken for one to its successor.
package struct ReplicaID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A replica and the node that it lives on.
package struct Replica: Hashable, Sendable {
    package let id: ReplicaID
    package let node: NodeID

    package init(id: ReplicaID, node: NodeID) {
        self.id = id
        self.node = node
    }
}

/// A Raft term. 0 is "before any election".
package struct Term: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = Term(0)
    package func next() -> Term { Term(self.rawValue + 1) }
}

/// A position in one shard's log. The first entry is 1; 0 means "before the log".
package struct LogIndex: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = LogIndex(0)
    package func next() -> LogIndex { LogIndex(self.rawValue + 1) }
    /// The index before this one. The index before 0 is 0.
    package func previous() -> LogIndex { LogIndex(self.rawValue == 0 ? 0 : self.rawValue - 1) }
    package func advanced(by count: Int) -> LogIndex { LogIndex(self.rawValue + UInt64(count)) }
    /// How many entries lie in `start..<self`.
    package func count(since start: LogIndex) -> Int {
        precondition(start <= self, "count since \(start) from \(self)")
        return Int(self.rawValue - start.rawValue)
    }
}

/// The version of the node registry that a placement was computed from. Never falls.
package struct RingEpoch: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = RingEpoch(0)
    package func next() -> RingEpoch { RingEpoch(self.rawValue + 1) }
}

/// How often a node has started with its data directory. Bumped and fsynced before each start, so
/// that peers notice a data directory that was rolled back or cloned.
package struct BootCounter: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = BootCounter(0)
    package func next() -> BootCounter { BootCounter(self.rawValue + 1) }
}

/// Milliseconds since 1970-01-01 UTC. Only for display and expiry, never for order.
package struct Timestamp: Hashable, Sendable {
    package let milliseconds: Int64
    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static let zero = Timestamp(milliseconds: 0)
    /// Saturates instead of trapping: timestamps come from the log and apply is total.
    package func advanced(byMilliseconds delta: Int64) -> Timestamp {
        let (sum, overflow) = self.milliseconds.addingReportingOverflow(delta)
        return Timestamp(milliseconds: overflow ? (delta < 0 ? .min : .max) : sum)
    }
}

extension NodeID: Comparable {
    package static func < (left: NodeID, right: NodeID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
extension ClusterID: Comparable {
    package static func < (left: ClusterID, right: ClusterID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
extension ShardID: Comparable {
    package static func < (left: ShardID, right: ShardID) -> Bool { left.rawValue < right.rawValue }
}
extension ReplicaID: Comparable {
    package static func < (left: ReplicaID, right: ReplicaID) -> Bool { left.rawValue < right.rawValue }
}
extension Term: Comparable {
    package static func < (left: Term, right: Term) -> Bool { left.rawValue < right.rawValue }
}
extension LogIndex: Comparable {
    package static func < (left: LogIndex, right: LogIndex) -> Bool { left.rawValue < right.rawValue }
}
extension RingEpoch: Comparable {
    package static func < (left: RingEpoch, right: RingEpoch) -> Bool { left.rawValue < right.rawValue }
}
extension BootCounter: Comparable {
    package static func < (left: BootCounter, right: BootCounter) -> Bool { left.rawValue < right.rawValue }
}
extension Timestamp: Comparable {
    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
}

extension NodeID: CustomStringConvertible {
    /// 32 lower-case hexadecimal digits.
    package var description: String { Hexadecimal.text(self.high) + Hexadecimal.text(self.low) }
    /// The first eight digits: enough for a person's eye in a log line or a table.
    package var short: String { String(self.description.prefix(8)) }

    package init?(_ text: some StringProtocol) {
        guard let (high, low) = Hexadecimal.pair(text) else { return nil }
        self.init(high: high, low: low)
    }
}
extension ClusterID: CustomStringConvertible {
    /// 32 lower-case hexadecimal digits.
    package var description: String { Hexadecimal.text(self.high) + Hexadecimal.text(self.low) }

    package init?(_ text: some StringProtocol) {
        guard let (high, low) = Hexadecimal.pair(text) else { return nil }
        self.init(high: high, low: low)
    }
}
extension ShardID: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }
extension ReplicaID: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }
extension Replica: CustomStringConvertible { package var description: String { "\(self.id)@\(self.node.short)" } }
extension Term: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }
extension LogIndex: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }
extension RingEpoch: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }
extension BootCounter: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }
extension Timestamp: CustomStringConvertible { package var description: String { "\(self.milliseconds)" } }

/// Fixed-width hexadecimal of the 128-bit ids, without Foundation.
package enum Hexadecimal {
    package static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func pair(_ text: some StringProtocol) -> (UInt64, UInt64)? {
        guard text.utf8.count == 32, text.utf8.allSatisfy({ Self.isDigit($0) }) else { return nil }
        guard let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16) else {
            return nil
        }
        return (high, low)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
