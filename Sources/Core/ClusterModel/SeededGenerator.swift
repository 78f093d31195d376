/// xoshiro256**, seeded through SplitMix64: the one source of chance in cores and in the simulator.
///
/// The same seed gives the same run on every machine and in every process.
///
/// - SeeAlso: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021).
package struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    package init(seed: UInt64) {
        var mixer = seed
        func mixed() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var word = mixer
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
        self.state = (mixed(), mixed(), mixed(), mixed())
    }

    package mutating func next() -> UInt64 {
        func rotated(_ word: UInt64, by count: UInt64) -> UInt64 { (word << count) | (word >> (64 - count)) }
        let result = rotated(self.state.1 &* 5, by: 7) &* 9
        let shifted = self.state.1 << 17
        self.state.2 ^= self.state.0
        self.state.3 ^= self.state.1
        self.state.1 ^= self.state.2
        self.state.0 ^= self.state.3
        self.state.2 ^= shifted
        self.state.3 = rotated(self.state.3, by: 45)
        return result
    }

    package static func == (left: SeededGenerator, right: SeededGenerator) -> Bool {
        left.state == right.state
    }
}
