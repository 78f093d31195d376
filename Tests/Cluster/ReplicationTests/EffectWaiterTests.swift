import ChatModel
import ClusterModel
import Testing

@testable import Replication

@Suite struct `An answer that waits for its effects` {
    private final class Given {
        var names: [String] = []
    }
    private let given = Given()
    private var waiters = EffectWaiters()

    private func position(_ index: UInt64, _ ordinal: UInt32 = 0) -> OutboxPosition {
        OutboxPosition(index: LogIndex(index), ordinal: ordinal)
    }
    private func lane(_ target: UInt16, _ index: UInt64, _ ordinal: UInt32 = 0) -> EffectLane {
        EffectLane(target: ShardID(target), through: self.position(index, ordinal))
    }
    private mutating func wait(_ name: String, for lanes: EffectLane..., until deadline: UInt64 = 250) {
        let given = self.given
        self.waiters.append(lanes, deadline: deadline) { given.names.append(name) }
    }
    private mutating func applied(by target: UInt16, _ through: OutboxPosition) {
        for answer in self.waiters.applied(by: ShardID(target), through: through) { answer() }
    }

    @Test mutating func `is given when every shard has applied what concerns it, and not before`() {
        self.wait("both", for: self.lane(1, 7, 2), self.lane(2, 7, 1))
        self.applied(by: 1, self.position(7, 1))
        self.applied(by: 3, self.position(9))
        self.applied(by: 2, self.position(7, 1))
        #expect(self.given.names.isEmpty)
        self.applied(by: 1, self.position(7, 2))
        #expect(self.given.names == ["both"])
        #expect(self.waiters.isEmpty)
    }

    @Test mutating func `is given with those before it when a shard has applied more`() {
        self.wait("first", for: self.lane(1, 7))
        self.wait("other", for: self.lane(2, 8))
        self.wait("second", for: self.lane(1, 9))
        self.wait("third", for: self.lane(1, 10))
        self.applied(by: 1, self.position(9))
        #expect(self.given.names == ["first", "second"])
        self.applied(by: 1, self.position(10))
        #expect(self.given.names == ["first", "second", "third"])
        #expect(!self.waiters.isEmpty)
    }

    @Test mutating func `is given without them when its time is over`() {
        self.wait("early", for: self.lane(1, 7), until: 250)
        self.wait("late", for: self.lane(1, 8), until: 300)
        for answer in self.waiters.expired(at: 249) { answer() }
        #expect(self.given.names.isEmpty)
        for answer in self.waiters.expired(at: 299) { answer() }
        #expect(self.given.names == ["early"])
        // The effect that comes afterwards gives nothing twice.
        self.applied(by: 1, self.position(8))
        #expect(self.given.names == ["early", "late"])
    }

    @Test mutating func `is given when nobody will hear of them any more`() {
        self.wait("a", for: self.lane(1, 7))
        self.wait("b", for: self.lane(2, 8))
        for answer in self.waiters.removeAll() { answer() }
        #expect(self.given.names == ["a", "b"])
        #expect(self.waiters.isEmpty)
    }
}
