import Testing

@testable import Gateway

@Suite struct PageQueueTests {
    @Test func `a socket that waits for pages stands in the queue once, in its first place`() {
        var queue = PageQueue()
        for socket in [3, 1, 3, 2, 1, 3] as [UInt64] { queue.append(socket) }
        #expect(queue.count == 3)
        #expect(queue.popFirst() == 3)
        // Called again after its turn, it stands at the end.
        queue.append(3)
        queue.append(2)
        #expect([queue.popFirst(), queue.popFirst(), queue.popFirst(), queue.popFirst()] == [1, 2, 3, nil])
    }
}
