import DequeModule

/// Sockets that wait until fewer pages of the log are read, first come, first served; each stands in it once, however
/// many of its channels are behind and however often it is called meanwhile.
struct PageQueue {
    private var waiting: Deque<UInt64> = []
    private var members: Set<UInt64> = []

    var count: Int { self.waiting.count }

    /// Nothing for one that waits already: it keeps its place.
    mutating func append(_ socket: UInt64) {
        guard self.members.insert(socket).inserted else { return }
        self.waiting.append(socket)
    }

    mutating func popFirst() -> UInt64? {
        guard let first = self.waiting.popFirst() else { return nil }
        self.members.remove(first)
        return first
    }
}
