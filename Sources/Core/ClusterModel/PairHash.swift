/// Hashes a pair of words for tables in memory: one multiplication instead of SipHash, which was a twentieth of a busy replication
/// loop.
///
/// For pairs that are hashes or random already, but that others may have had a part in choosing: whoever does not know
/// this process's secrets can not make them fall together. (Multilinear hashing after Dietzfelbinger et al., "A reliable
/// randomized algorithm for the closest-pair problem", 1997, with both halves of the product folded.)
package enum PairHash {
    private static let secrets = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    /// - Parameter seed: the table's own, so that a table filled in the order of another does not fill in clusters.
    package static func of(_ high: UInt64, _ low: UInt64, seed: Int) -> Int {
        let secrets = Self.secrets
        let left = high ^ secrets.0
        let right = low ^ secrets.1 ^ UInt64(bitPattern: Int64(seed))
        let product = left.multipliedFullWidth(by: right)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
}
