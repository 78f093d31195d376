// The hash functions of placement and of seed lists. They are part of the cluster's format: two nodes, or two versions
// of one node, that disagreed about a single bit would look for a channel in different shards. Their
// values are pinned by golden vectors in the tests and may never change.

/// 64-bit hashes that are the same on every machine, in every process and in every version.
///
/// Not for tables filled by strangers: there is no secret in them, so collisions can be made. A person
/// who makes many channels fall into one shard slows down that shard only.
package enum StableHash {
    /// FNV-1a over the bytes, then `mixed`: FNV alone leaves the high bits of short keys nearly equal.
    ///
    /// - SeeAlso: Fowler, Noll and Vo, "The FNV Non-Cryptographic Hash Algorithm", 64-bit parameters.
    package static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        return Self.mixed(hash)
    }

    /// A bijection in which every bit of the input moves about half the bits of the result.
    ///
    /// - SeeAlso: Stafford's variant 13 of the MurmurHash3 finaliser, as SplitMix64 uses it.
    package static func mixed(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// One hash of two words, in which their order counts.
    package static func combined(_ first: UInt64, _ second: UInt64) -> UInt64 {
        Self.mixed(Self.mixed(first &+ 0x9E37_79B9_7F4A_7C15) ^ second)
    }
}
