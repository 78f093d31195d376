import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

/// Several commands of one entry have one index.
@Suite struct SharedIndexTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `commands that share an index have the results and events of such that do not`(seed: UInt64) throws {
        var walk = ChannelWalkTests.Walk(random: SeededGenerator(seed: seed &+ 70))
        // Of four shards, so that there are effects on others.
        var alone = Rig(shard: ShardID(99), map: ShardMap(shardCount: 4))
        alone.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        for person in 2...3 as ClosedRange<UInt64> { alone.apply(.joinChannel(general, by: actor(person))) }
        var together = alone
        var shared = 0
        for _ in 0..<1_000 {
            let command = walk.command(head: alone.machine.head(of: general) ?? 0)
            alone.pass(milliseconds: 10)
            together.now = alone.now
            let result = alone.apply(command)
            // `apply` steps on first.
            if walk.below(3) > 0 {
                together.index = LogIndex(together.index.rawValue - 1)
                shared += 1
            }
            #expect(together.apply(command) == result, "seed \(seed), \(command)")
            #expect(together.effects.events == alone.effects.events, "seed \(seed), \(command)")
        }
        #expect(shared > 500)
        let positions = together.machine.outbox.map(\.position)
        #expect(positions.count == alone.machine.outbox.count && positions.count > 10)
        #expect(zip(positions, positions.dropFirst()).allSatisfy(<), "each effect has a place of its own")
        #expect(together.machine.outbox.map(\.effect) == alone.machine.outbox.map(\.effect))
        #expect(try together.restored() == together.machine)
    }

    @Test func `the lanes of an entry end with its last effect so far`() throws {
        var rig = Rig(shard: ShardID(99), map: ShardMap(shardCount: 1))
        rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        let index = rig.index
        for person in 2...4 as ClosedRange<UInt64> {
            rig.index = LogIndex(index.rawValue - 1)
            rig.apply(.joinChannel(general, by: actor(person)))
            let last = try #require(rig.machine.outbox.last)
            #expect(last.position == OutboxPosition(index: index, ordinal: UInt32(person - 1)))
            #expect(rig.machine.effectLanes(of: index).map(\.through) == [last.position])
        }
    }
}
