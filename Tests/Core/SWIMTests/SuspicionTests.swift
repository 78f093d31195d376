import ClusterModel
import Testing

@testable import SWIM

@Suite struct SuspicionTests {
    private static func node(_ number: UInt64) -> NodeID { NodeID(high: 0, low: number) }

    /// max - (max - min) x log(C + 1) / log(K + 1), in milliseconds for 3–9 s.
    @Test(arguments: [
        // K = 0: nobody could confirm.
        (0, 0, 3000 as UInt64),
        (0, 1, 9000), (1, 1, 3000),
        (0, 2, 9000), (1, 2, 5215), (2, 2, 3000),
        (0, 3, 9000), (1, 3, 6000), (2, 3, 4246), (3, 3, 3000), (4, 3, 3000),
        (0, 7, 9000), (1, 7, 7000), (3, 7, 5000), (7, 7, 3000),
    ])
    func `every confirmation shortens the wait by the logarithm`(
        confirmations: Int, wanted: Int, milliseconds: UInt64
    ) {
        let timeout = Suspicion.timeoutMilliseconds(
            confirmations: confirmations, wanted: wanted, between: 3_000, and: 9_000)
        #expect(timeout == milliseconds)
    }

    @Test func `a maximum below the minimum is the minimum`() {
        #expect(Suspicion.timeoutMilliseconds(confirmations: 0, wanted: 3, between: 4_000, and: 1_000) == 4_000)
    }

    @Test(arguments: [(1, 0), (2, 65_536), (3, 103_872), (4, 131_072), (5, 152_169), (1024, 655_360)])
    func `the binary logarithm has sixteen fractional bits`(value: UInt64, logarithm: UInt64) {
        #expect(Suspicion.log2(value) == logarithm)
    }

    @Test func `an accuser counts once and only as many as can matter`() {
        var suspicion = Suspicion(startedAt: 0, confirmationsWanted: 2, accuser: Self.node(1))
        let counted = [1, 2, 2, 3, 4].map { suspicion.confirm(by: Self.node($0)) }
        #expect(counted == [false, true, false, true, false])
        #expect(suspicion.timeoutMilliseconds(SWIMSettings()) == 3_000)
    }

    @Test func `health is a score between one and the maximum`() {
        var health = LocalHealth(multiplierMax: 8)
        health.improve()
        #expect(health.multiplier == 1)
        health.worsen()
        #expect(health.multiplier == 2)
        health.worsen(by: 100)
        #expect(health.multiplier == 8)
        health.improve()
        #expect(health.multiplier == 7)
        var rigid = LocalHealth(multiplierMax: 0)
        rigid.worsen()
        #expect(rigid.multiplier == 1)
    }
}

@Suite struct GossipQueueTests {
    private static func rumour(_ number: UInt64, _ status: MemberStatus, accuser: UInt64? = nil) -> Rumour {
        Rumour(
            GossipMember(
                id: NodeID(high: 0, low: number), address: PeerAddress(host: "10.0.0.1", port: 7000),
                incarnation: Incarnation(boot: BootCounter(1)), status: status),
            accuser: accuser.map { NodeID(high: 0, low: $0) })
    }
    private static let reader = NodeID(high: 9, low: 9)

    @Test func `a rumour is told a bounded number of times`() {
        var queue = GossipQueue()
        queue.offer(Self.rumour(1, .alive))
        for _ in 0..<4 {
            #expect(queue.take(bytesMax: 1000, countMax: 10, toldMax: 4, for: Self.reader).count == 1)
        }
        #expect(queue.isEmpty)
    }

    @Test func `what was told least comes first, among equals the newest`() {
        var queue = GossipQueue()
        for number in 1...3 as ClosedRange<UInt64> { queue.offer(Self.rumour(number, .alive)) }
        func next() -> [UInt64] {
            queue.take(bytesMax: 1000, countMax: 2, toldMax: 10, for: Self.reader).map(\.member.id.low)
        }
        #expect(next() == [3, 2])
        #expect(next() == [1, 3])
    }

    @Test func `rumours of a message stay within its bytes`() {
        var queue = GossipQueue()
        for number in 1...50 as ClosedRange<UInt64> { queue.offer(Self.rumour(number, .alive)) }
        let taken = queue.take(bytesMax: 200, countMax: 64, toldMax: 3, for: Self.reader)
        #expect(!taken.isEmpty)
        #expect(taken.reduce(0) { $0 + $1.byteCount } <= 200)
    }

    @Test func `newer news of a member replace older ones, further accusers stand beside`() {
        var queue = GossipQueue()
        queue.offer(Self.rumour(1, .alive))
        queue.offer(Self.rumour(1, .suspect, accuser: 2))
        queue.offer(Self.rumour(1, .suspect, accuser: 3))
        queue.offer(Self.rumour(1, .suspect, accuser: 3))
        #expect(queue.count == 2)
        queue.offer(Self.rumour(1, .dead))
        #expect(queue.count == 1)
    }

    @Test func `news of the receiver count as told to it`() {
        var queue = GossipQueue()
        queue.offer(Self.rumour(1, .alive))
        let taken = queue.take(bytesMax: 1000, countMax: 10, toldMax: 1, for: NodeID(high: 0, low: 1))
        #expect(taken.isEmpty)
        #expect(queue.isEmpty)
    }
}
