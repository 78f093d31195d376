// The seed list as the operator wrote it, and the hash by which nodes find out whether they were given the same.

import ClusterModel

/// The addresses of `--seeds`, in their order. The first one is the only node that may found by itself.
package struct SeedList: Sendable, Hashable {
    /// Each once, in the order of their first mention.
    package let addresses: [PeerAddress]
    /// Of the list as it was written.
    package let hash: SeedListHash

    /// - Parameter written: Empty means `[own]`: a node without seeds is a cluster of its own.
    package init(_ written: [PeerAddress], own: PeerAddress) {
        let written = written.isEmpty ? [own] : written
        var seen: Set<PeerAddress> = []
        self.addresses = written.filter { seen.insert($0).inserted }
        self.hash = SeedListHash(of: written)
    }

    package var first: PeerAddress { self.addresses[0] }
}

/// Tells two seed lists apart, in hellos and where an operator confirms a founding.
///
/// FNV-1a with a finaliser over every address followed by a line feed. Not a secret and not a proof: peers are
/// authenticated before their hello is read.
package struct SeedListHash: Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package init(of addresses: [PeerAddress]) {
        self.rawValue = StableHash.of(addresses.flatMap { Array("\($0)\n".utf8) })
    }
}

extension SeedListHash: CustomStringConvertible {
    /// 16 lower-case hexadecimal digits.
    package var description: String { Hexadecimal.text(self.rawValue) }

    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16, let value = UInt64(text, radix: 16) else { return nil }
        self.init(rawValue: value)
        guard self.description == text else { return nil }
    }
}

extension SeedListHash: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(rawValue: try reader.read()) }
}
