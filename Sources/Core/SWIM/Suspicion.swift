// The case against one member: who accuses it and how long it has to object.
//
// Lifeguard (Dadgar, Phillips, Currey, 2017), section IV-B: a suspicion starts with a long timeout, and every further
// independent accuser shortens it. A node that is slow itself and accuses everybody is alone with that, and its
// suspects have time.

import ClusterModel

struct Suspicion: Sendable, Equatable {
    /// On the local clock of the instance.
    let startedAt: UInt64
    /// How many accusers beside the first one bring the timeout to its minimum.
    let confirmationsWanted: Int
    /// The first one first. At most `confirmationsWanted + 1`.
    private(set) var accusers: [NodeID]
    /// Has the suspect been asked once more by this node itself?
    var wasAppealed = false

    init(startedAt: UInt64, confirmationsWanted: Int, accuser: NodeID) {
        self.startedAt = startedAt
        self.confirmationsWanted = confirmationsWanted
        self.accusers = [accuser]
    }

    /// - Returns: Whether the accuser was new and counts, so that the accusation should travel on.
    mutating func confirm(by accuser: NodeID) -> Bool {
        guard self.accusers.count <= self.confirmationsWanted, !self.accusers.contains(accuser) else { return false }
        self.accusers.append(accuser)
        return true
    }

    func timeoutMilliseconds(_ settings: SWIMSettings) -> UInt64 {
        Self.timeoutMilliseconds(
            confirmations: self.accusers.count - 1, wanted: self.confirmationsWanted,
            between: settings.suspicionMinMilliseconds, and: settings.suspicionMaxMilliseconds)
    }

    /// `max - (max - min) x log(C + 1) / log(K + 1)` for C of K confirmations, never below `min`. Where nobody else
    /// could confirm (K = 0), waiting for it is vain: `min`.
    static func timeoutMilliseconds(
        confirmations: Int, wanted: Int, between minimum: UInt64, and maximum: UInt64
    ) -> UInt64 {
        guard wanted > 0, confirmations < wanted, maximum > minimum else { return minimum }
        let done = Self.log2(UInt64(confirmations) + 1)
        let whole = Self.log2(UInt64(wanted) + 1)
        return maximum - (maximum - minimum) * done / whole
    }

    /// The binary logarithm in units of 1/65,536. Integers, so that every machine computes the same.
    static func log2(_ value: UInt64) -> UInt64 {
        precondition(value >= 1 && value < 1 << 31, "log2 of \(value)")
        let whole = UInt64(63 - value.leadingZeroBitCount)
        var result = whole << 16
        // The mantissa in 1..<2 with 31 fractional bits; squaring it yields one bit of the logarithm at a time.
        var mantissa = (value << 31) >> whole
        for bit in (0..<16 as Range<UInt64>).reversed() {
            mantissa = (mantissa * mantissa) >> 31
            if mantissa >= 1 << 32 {
                result |= 1 << bit
                mantissa >>= 1
            }
        }
        return result
    }
}
