import ClusterModel

/// The one source of chance of a run: everything drawn from it follows from the seed.
package struct Chance: Sendable {
    package var generator: SeededGenerator

    package init(seed: UInt64) { self.generator = SeededGenerator(seed: seed) }

    /// True in `percent` of a hundred cases.
    package mutating func percent(_ percent: Int) -> Bool { self.perMille(percent * 10) }
    package mutating func perMille(_ perMille: Int) -> Bool {
        Int.random(in: 0..<1000, using: &self.generator) < perMille
    }
    package mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self.generator) }
    package mutating func milliseconds(_ range: ClosedRange<Int>) -> VirtualTime {
        VirtualTime(microseconds: UInt64(self.number(range.lowerBound * 1000...range.upperBound * 1000)))
    }
    /// A delay of the given mean whose tail is long: short ones are common, ten times the mean happens.
    package mutating func delay(meanMilliseconds mean: Int) -> VirtualTime {
        var microseconds = self.number(0...mean * 1200)
        while self.percent(20), microseconds < mean * 20_000 { microseconds += self.number(0...mean * 4000) }
        return VirtualTime(microseconds: UInt64(max(microseconds, 50)))
    }
    package mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[self.number(0...elements.count - 1)]
    }
    /// A dimension of a swarm configuration: off in half of the seeds, else drawn from the range.
    ///
    /// Runs with everything on hide what only some mixtures show.
    /// - SeeAlso: Groce and others, "Swarm Testing" (ISSTA 2012).
    package mutating func dimension(_ range: ClosedRange<Int>, onPercent: Int = 50) -> Int {
        let value = self.number(range)  // Drawn in any case, so that the rest of the seed stays as it is.
        return self.percent(onPercent) ? value : 0
    }
}

/// A running hash over everything that happened. Two runs of a seed that differ anywhere differ in it.
package struct TraceHash: Hashable, Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func mix(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x0000_0100_0000_01B3
        self.value ^= self.value >> 29
    }
    package mutating func mix(_ word: Int) { self.mix(UInt64(bitPattern: Int64(word))) }
    package mutating func mix(_ bytes: [UInt8]) {
        for byte in bytes { self.mix(UInt64(byte)) }
    }
}
