// How well this node itself is (Lifeguard, section IV-A). Who is slow hears answers late and must not conclude that
// the others are silent.

/// A score that stretches the node's own probes: 0 is well.
struct LocalHealth: Sendable, Equatable {
    let multiplierMax: Int
    private var score = 0

    init(multiplierMax: Int) { self.multiplierMax = max(1, multiplierMax) }

    /// 1 for a healthy node.
    var multiplier: UInt64 { UInt64(self.score + 1) }

    /// A probe was answered in time.
    mutating func improve() { self.score = max(0, self.score - 1) }

    /// A probe failed without anybody's testimony that the network works, this node was accused, or it stood still.
    mutating func worsen(by count: Int = 1) { self.score = min(self.multiplierMax - 1, self.score + max(0, count)) }
}
