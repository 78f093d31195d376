/// How many handshakes with whoever calls the replication loop takes upon itself. A stranger can ask for it as well as a
/// node, and each costs it a signature; what comes on top is greeted by a loop of the edge.
///
/// A token bucket: a node's whole neighbourhood may come at once after a restart.
struct HandshakeBudget: Sendable {
    private let most: UInt64
    private let perSecond: UInt64
    private var thousandths: UInt64
    private var since: UInt64 = 0

    init(most: UInt32 = 256, perSecond: UInt32 = 64) {
        self.most = UInt64(most)
        self.perSecond = UInt64(perSecond)
        self.thousandths = UInt64(most) * 1_000
    }

    /// - Parameter now: milliseconds of a monotonic clock.
    mutating func take(nowMilliseconds now: UInt64) -> Bool {
        // Loops read the clock before they come here: it may go back a little. A year is as good as for ever.
        let passed = min(now - min(now, self.since), 365 * 86_400_000)
        self.since = max(now, self.since)
        self.thousandths = min(self.thousandths + passed * self.perSecond, self.most * 1_000)
        guard self.thousandths >= 1_000 else { return false }
        self.thousandths -= 1_000
        return true
    }
}
