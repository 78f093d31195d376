import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

@Suite struct OutboxTests {
    /// A channel's shard whose users live elsewhere.
    static func source() -> Rig {
        var rig = Rig(shard: ShardID(99), map: ShardMap(shardCount: 4))
        rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        for person in 2...20 as ClosedRange<UInt64> { rig.apply(.joinChannel(general, by: actor(person))) }
        return rig
    }

    @Test func `each membership leaves an effect with the seq of its event`() {
        let rig = Self.source()
        #expect(rig.machine.outbox.count == 20)
        #expect(rig.machine.outbox.map(\.position) == rig.machine.outbox.map(\.position).sorted())
        #expect(
            rig.machine.outbox.first?.effect
                == .setMembership(user(ada), general, isMember: true, version: 1))
    }

    @Test func `what one target has confirmed is dropped for that target only`() {
        var rig = Self.source()
        let map = ShardMap(shardCount: 4)
        func shard(_ entry: OutboxEntry) -> ShardID {
            guard case .user(let user) = entry.target else { return .directory }
            return map.shard(ofKey: user.high, user.low)
        }
        let before = rig.machine.outbox
        let target = shard(before[0])
        let through = before[10].position
        #expect(rig.apply(.outboxDelivered(target: target, through: through)) == .done)
        #expect(rig.effects.outboxAcked)
        #expect(rig.machine.outbox == before.filter { shard($0) != target || $0.position > through })
        rig.apply(.outboxDelivered(target: target, through: through))
        #expect(!rig.effects.outboxAcked)
    }

    @Test func `the lanes of a command end with its last effect on each shard`() throws {
        var rig = Self.source()
        let last = try #require(rig.machine.outbox.last)
        let map = ShardMap(shardCount: 4)
        let lane = EffectLane(target: map.owner(of: last.target), through: last.position)
        #expect(rig.machine.effectLanes(of: rig.machine.lastApplied) == [lane])
        let first = try #require(rig.machine.outbox.first)
        #expect(
            rig.machine.effectLanes(of: first.position.index)
                == [EffectLane(target: map.owner(of: first.target), through: first.position)])
        rig.apply(.joinChannel(general, by: actor(20)))
        #expect(rig.machine.effectLanes(of: rig.machine.lastApplied).isEmpty)
    }

    @Test func `an effect is applied once`() throws {
        let entry = try #require(Self.source().machine.outbox.first)
        var target = Rig()
        target.apply(.createUser(account(ada)))
        #expect(target.apply(.applyEffect(entry)) == .done)
        #expect(target.effects.notices.count == 1)
        let hash = target.machine.stateHash
        #expect(target.apply(.applyEffect(entry)) == .done)
        #expect(target.effects.notices.isEmpty && target.machine.stateHash == hash)
    }

    @Test func `marks are kept for each source`() {
        func entry(_ source: UInt16, _ index: UInt64, _ isMember: Bool, _ version: UInt64) -> Command {
            .applyEffect(
                OutboxEntry(
                    source: ShardID(source), position: OutboxPosition(index: LogIndex(index), ordinal: 0),
                    target: .user(user(ada)),
                    effect: .setMembership(user(ada), general, isMember: isMember, version: version)))
        }
        var target = Rig()
        target.apply(.createUser(account(ada)))
        target.apply(entry(7, 10, true, 1))
        target.apply(entry(8, 5, false, 2))
        #expect(target.answer(.memberships(user(ada))) == .answer(.memberships([])))
        target.apply(entry(7, 10, true, 3))
        #expect(target.answer(.memberships(user(ada))) == .answer(.memberships([])))
        target.apply(entry(7, 11, true, 3))
        #expect(target.answer(.memberships(user(ada))) == .answer(.memberships([general])))
    }

    @Test func `an effect on the own shard happens at once`() {
        var rig = Rig.withRooms()
        #expect(rig.machine.outbox.isEmpty)
        #expect(rig.answer(.memberships(user(grace))) == .answer(.memberships([general])))
        rig.apply(.leaveChannel(general, by: actor(grace)))
        #expect(rig.effects.notices.map(\.1) == [.channelLeft(general)])
    }
}
