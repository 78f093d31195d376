// What a node can read and what a cluster writes: the way through a rolling upgrade.

/// A generation of the log's commands and of what they mean. A cluster has one *active* version: leaders propose
/// nothing that a lower version would not know. It is raised by an operator once every node supports the next one,
/// and never lowered, since the log then holds what older programs can not read.
///
/// - SeeAlso: `Command.introducedIn`, `WireRange` for the version of a single connection.
package struct FeatureVersion: Hashable, Sendable, Comparable {
    package let rawValue: UInt16
    package init(_ rawValue: UInt16) { self.rawValue = rawValue }

    package static let first = FeatureVersion(1)
    package static func < (left: FeatureVersion, right: FeatureVersion) -> Bool { left.rawValue < right.rawValue }
}

/// The versions whose logs a program can apply, and the highest that it can write.
package struct FeatureRange: Hashable, Sendable {
    package let lowest: FeatureVersion
    package let highest: FeatureVersion

    /// - Returns: nil when `lowest` is above `highest` or 0.
    package init?(_ lowest: FeatureVersion, _ highest: FeatureVersion) {
        guard lowest <= highest, lowest >= .first else { return nil }
        self.lowest = lowest
        self.highest = highest
    }

    private init(only version: FeatureVersion) {
        self.lowest = version
        self.highest = version
    }

    /// What this build supports.
    package static let current = FeatureRange(only: .first)

    package func contains(_ version: FeatureVersion) -> Bool { self.lowest <= version && version <= self.highest }
}

/// What a node has told the directory of its last start, and what became of it since.
package struct NodeLife: Hashable, Sendable {
    /// Random in each process: two processes with one boot counter are a copied disk. 0: not told yet.
    package var nonce: UInt64 = 0
    package var versions = FeatureRange.current
    /// When it was last given up, in the directory's log time; kept when it comes back, for the brake.
    package var deadAt: Timestamp?

    package init() {}
}

extension FeatureVersion: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.read(UInt16.self)) }
}

extension FeatureRange: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.lowest)
        writer.write(self.highest)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        guard let range = FeatureRange(try reader.read(), try reader.read()) else { throw .invalid("feature range") }
        self = range
    }
}

extension NodeLife: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.nonce)
        writer.write(self.versions)
        writer.write(self.deadAt)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init()
        self.nonce = try reader.read()
        self.versions = try reader.read()
        self.deadAt = try reader.readOptional()
    }
}
