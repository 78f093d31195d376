import Synchronization

// What the program counts. Each is safe to use from any thread and costs one or two relaxed atomic additions.

/// Only rises. Named `…_total`.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    package var value: UInt64 { self.count.load(ordering: .relaxed) }
    package func increment(by amount: UInt64 = 1) { self.count.wrappingAdd(amount, ordering: .relaxed) }
}

/// Rises and falls.
package final class Gauge: Sendable {
    private let level = Atomic<Int64>(0)

    init() {}

    package var value: Int64 { self.level.load(ordering: .relaxed) }
    package func set(_ value: Int64) { self.level.store(value, ordering: .relaxed) }
    package func add(_ amount: Int64) { self.level.wrappingAdd(amount, ordering: .relaxed) }
}

/// How durations are spread. Named `…_seconds`.
///
/// Buckets are fixed, so that all nodes' histograms can be added up: 1, 2 and 5 times the powers of ten from 50 µs to 20 s.
package final class Histogram: Sendable {
    private static let boundsMicroseconds: [UInt64] = [
        50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
        5_000_000, 10_000_000, 20_000_000,
    ]
    static let bucketCount = Histogram.boundsMicroseconds.count

    private let buckets: [Bucket]
    private let sumNanoseconds = Atomic<UInt64>(0)

    /// An atomic that can stand in an array.
    private final class Bucket: Sendable {
        let count = Atomic<UInt64>(0)
    }

    init() {
        self.buckets = (0...Self.bucketCount).map { _ in Bucket() }
    }

    package func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let nanoseconds =
            seconds < 0 ? 0 : UInt64(seconds) &* 1_000_000_000 &+ UInt64(max(attoseconds, 0) / 1_000_000_000)
        self.record(nanoseconds: nanoseconds)
    }

    package func record(nanoseconds: UInt64) {
        self.buckets[Self.bucket(nanoseconds)].count.wrappingAdd(1, ordering: .relaxed)
        self.sumNanoseconds.wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    /// The first bucket whose bound is not below.
    private static func bucket(_ nanoseconds: UInt64) -> Int {
        Self.boundsMicroseconds.firstIndex { nanoseconds <= $0 * 1_000 } ?? Self.bucketCount
    }

    /// The upper bound of a bucket in microseconds; the last has none.
    static func boundMicroseconds(_ bucket: Int) -> UInt64? {
        bucket < Self.bucketCount ? Self.boundsMicroseconds[bucket] : nil
    }

    /// Each bucket's own count, and the sum. Taken one by one: under load they may differ by what happens meanwhile.
    var snapshot: (counts: [UInt64], sumNanoseconds: UInt64) {
        (self.buckets.map { $0.count.load(ordering: .relaxed) }, self.sumNanoseconds.load(ordering: .relaxed))
    }
}
