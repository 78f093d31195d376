/// Hashes a pair of words for tables in memory: one multiplication instead of SipHash, which was a twentieth of a busy
/// replication loop.
///
/// For pairs that are hashes or random already, but that others may have had a part in choosing: to aim them at one place
/// of a table takes this process's secrets. No proof of that is known, as there is none for SipHash. (A product folded
/// upon itself, as wyhash mixes its words.)
package enum PairHash {
    /// Of the standard library's own seed, so that what makes its tables the same in every run does so with these.
    private static let secrets = (UInt64(Self.secret(1)), UInt64(Self.secret(2)))

    private static func secret(_ number: UInt8) -> UInt {
        var hasher = Hasher()
        hasher.combine(number)
        return UInt(bitPattern: hasher.finalize())
    }

    /// - Parameter seed: the table's own, so that a table filled in the order of another does not fill in clusters.
    package static func of(_ high: UInt64, _ low: UInt64, seed: Int) -> Int {
        let secrets = Self.secrets
        let left = high ^ secrets.0
        let right = low ^ secrets.1 ^ UInt64(bitPattern: Int64(seed))
        let product = left.multipliedFullWidth(by: right)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
}
