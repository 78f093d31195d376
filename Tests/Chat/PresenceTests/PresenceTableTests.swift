import ChatModel
import ClusterModel
import Placement
import Testing

@testable import Presence

/// What is known of people, and who is told when.
@Suite struct PresenceTableTests {
    private let one = PresenceWorld.node(1)
    private let two = PresenceWorld.node(2)
    private let three = PresenceWorld.node(3)
    private let anna = PresenceWorld.user(1)

    private func settled(_ seed: UInt64 = 1) -> PresenceWorld {
        var world = PresenceWorld(nodes: 3, seed: seed)
        world.pass(milliseconds: 6_000)
        return world
    }

    @Test func `one device that is awake makes its person online, on whichever node it is`() {
        var world = self.settled()
        #expect(world.status(of: self.anna) == .offline)
        world.board(self.one, .devices(self.anna, lane: 0, .away))
        #expect(world.status(of: self.anna) == .away)
        world.board(self.two, .devices(self.anna, lane: 1, .online))
        #expect(world.status(of: self.anna) == .online)
        world.board(self.two, .devices(self.anna, lane: 1, nil))
        #expect(world.status(of: self.anna) == .away)
        world.board(self.one, .devices(self.anna, lane: 0, nil))
        #expect(world.status(of: self.anna) == .offline)
    }

    @Test func `what a person says counts before its devices, and the later word before the earlier`() {
        var world = self.settled()
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        world.board(self.one, .said(self.anna, PresenceChoice(status: .away, until: nil)))
        #expect(world.status(of: self.anna) == .away)
        world.pass(milliseconds: 1_000)
        world.board(self.two, .said(self.anna, PresenceChoice(status: .dnd, until: nil)))
        #expect(world.status(of: self.anna) == .dnd)
        // The first node repeats what it heard, which is over.
        world.pass(milliseconds: 40_000)
        #expect(world.status(of: self.anna) == .dnd)
        world.board(self.three, .said(self.anna, PresenceChoice(status: .online, until: nil)))
        #expect(world.status(of: self.anna) == .online)
    }

    @Test func `somebody who only asks over REST is here for a minute`() {
        var world = self.settled()
        world.board(self.one, .said(self.anna, PresenceChoice(status: .online, until: nil)))
        #expect(world.status(of: self.anna) == .online)
        world.pass(milliseconds: 59_000)
        #expect(world.status(of: self.anna) == .online)
        world.pass(milliseconds: 3_000)
        #expect(world.status(of: self.anna) == .offline)
        #expect(world.stations[self.one]?.board.ownCount == 0)
    }

    @Test func `whoever has said something on a device is gone when the device is`() {
        var world = self.settled()
        world.board(self.one, .said(self.anna, PresenceChoice(status: .online, until: nil)))
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        world.board(self.one, .said(self.anna, PresenceChoice(status: .online, until: nil)))
        #expect(world.status(of: self.anna) == .online)
        world.board(self.one, .devices(self.anna, lane: 0, nil))
        world.pass(milliseconds: 1_000)
        #expect(world.status(of: self.anna) == .offline)
    }

    @Test func `do not disturb ends at its time and the watchers hear of it`() {
        var world = self.settled()
        world.board(self.three, .watch(self.anna))
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        let until = world.now.wall.advanced(byMilliseconds: 10_000)
        world.board(self.one, .said(self.anna, PresenceChoice(status: .dnd, until: until)))
        world.pass(milliseconds: 2_000)
        #expect(world.stations[self.three]?.shown[self.anna]?.until == until)
        #expect(world.shown(self.anna, at: self.three) == .dnd)
        world.pass(milliseconds: 10_000)
        #expect(world.shown(self.anna, at: self.three) == .online)
    }

    @Test func `the log's choice counts where nothing newer was said, also after its node and leader are gone`() {
        var world = self.settled()
        world.board(self.two, .watch(self.anna))
        world.choices[self.anna] = PresenceChoice(status: .offline, until: nil)
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        #expect(world.status(of: self.anna) == .offline)
        let shard = PresenceWorld.shard(of: self.anna)
        world.lead(shard, self.three)
        world.pass(milliseconds: 100)
        #expect(world.status(of: self.anna) == .offline)
        world.choices[self.anna] = nil
        world.board(self.one, .said(self.anna, PresenceChoice(status: .online, until: nil)))
        world.pass(milliseconds: 1_100)
        #expect(world.shown(self.anna, at: self.two) == .online)
    }

    @Test func `a change of leaders does not show, and silence is absence only when the new one has settled`() {
        var world = self.settled()
        let ben = PresenceWorld.user(2)
        world.board(self.two, .watch(self.anna))
        world.board(self.two, .watch(ben))
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        world.pass(milliseconds: 1_100)
        let before = world.stations[self.two]?.changes.count
        for shard in PresenceWorld.shardMap.shardsAndDirectory { world.lead(shard, self.three) }
        // What nobody speaks for is not known yet; whoever is reported again is.
        #expect(world.status(of: self.anna) == .online)
        #expect(world.status(of: PresenceWorld.user(3)) == nil)
        world.pass(milliseconds: 6_000)
        #expect(world.status(of: PresenceWorld.user(3)) == .offline)
        #expect(world.stations[self.two]?.changes.count == before)
    }

    @Test func `a dead node takes its people with it at once, but for those who are elsewhere too`() {
        var world = self.settled()
        let ben = PresenceWorld.user(2)
        for user in [self.anna, ben] { world.board(self.three, .watch(user)) }
        for user in [self.anna, ben] { world.board(self.one, .devices(user, lane: 0, .online)) }
        world.board(self.two, .devices(ben, lane: 0, .online))
        world.pass(milliseconds: 1_100)
        #expect(world.shown(self.anna, at: self.three) == .online)
        world.kill(self.one)
        world.pass(milliseconds: 6_200)
        #expect(world.shown(self.anna, at: self.three) == .offline)
        #expect(world.shown(ben, at: self.three) == .online)
    }

    @Test func `a leader that stays tells of a dead node's people within a second`() {
        var world = self.settled()
        for shard in PresenceWorld.shardMap.shardsAndDirectory { world.lead(shard, self.two) }
        world.pass(milliseconds: 6_000)
        world.board(self.three, .watch(self.anna))
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        world.kill(self.one)
        world.pass(milliseconds: 1_000)
        #expect(world.shown(self.anna, at: self.three) == .offline)
    }

    @Test func `a watcher hears of one person at most once a second, and of the last state in the end`() {
        var world = self.settled()
        world.board(self.two, .watch(self.anna))
        let began = world.uptime
        for step in 0..<40 {
            world.board(self.one, .devices(self.anna, lane: 0, step % 2 == 0 ? .online : nil))
            world.pass(milliseconds: 100)
        }
        world.board(self.one, .devices(self.anna, lane: 0, .away))
        world.pass(milliseconds: 1_200)
        let changes = world.stations[self.two]?.changes.filter { $0.at > began } ?? []
        #expect(!changes.isEmpty)
        for (first, second) in zip(changes, changes.dropFirst()) { #expect(second.at - first.at >= 1_000) }
        #expect(world.shown(self.anna, at: self.two) == .away)
    }

    @Test func `nothing is kept of those who are gone and whom nobody watches`() {
        var world = self.settled()
        for number in 1...50 {
            world.board(self.one, .devices(PresenceWorld.user(number), lane: 0, .online))
            world.board(self.two, .watch(PresenceWorld.user(number)))
        }
        for number in 1...50 {
            world.board(self.one, .devices(PresenceWorld.user(number), lane: 0, nil))
            world.board(self.two, .unwatch(PresenceWorld.user(number)))
        }
        world.pass(milliseconds: 61_000)
        #expect(world.stations.values.map(\.table.count) == [0, 0, 0])
        #expect(world.stations.values.map(\.board.watchedCount) == [0, 0, 0])
        #expect(world.stations.values.map(\.board.ownCount) == [0, 0, 0])
    }

    @Test func `a watcher that is gone without a word is forgotten`() {
        var world = self.settled()
        world.board(self.one, .devices(self.anna, lane: 0, .online))
        world.board(self.two, .watch(self.anna))
        world.stations[self.one]?.isAlive = false
        world.stations[self.two]?.isAlive = false
        for shard in PresenceWorld.shardMap.shardsAndDirectory { world.lead(shard, self.three) }
        world.pass(milliseconds: 95_000)
        #expect(world.stations[self.three]?.table.count == 0)
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `whatever is lost, everyone is shown as they are once the network has been good for a while`(seed: UInt64) {
        var world = PresenceWorld(nodes: 3, seed: seed)
        world.lossPercent = 30
        let people = (1...8).map { PresenceWorld.user($0) }
        var truth: [UserID: [NodeID: PresenceStatus]] = [:]
        for user in people { world.board(PresenceWorld.node(Int(user.low % 3) + 1), .watch(user)) }
        for _ in 0..<300 {
            let node = PresenceWorld.node(Int(world.generator.next() % 3) + 1)
            let user = people[Int(world.generator.next() % 8)]
            switch world.generator.next() % 10 {
            case 0...5:
                let status: PresenceStatus? = [.online, .away, nil][Int(world.generator.next() % 3)]
                truth[user, default: [:]][node] = status
                world.board(node, .devices(user, lane: 0, status))
            case 6:
                let shard = PresenceWorld.shardMap.shardsAndDirectory[Int(world.generator.next() % 5)]
                world.lead(shard, node)
            default: world.pass(milliseconds: Int64(world.generator.next() % 20) * 100)
            }
        }
        world.lossPercent = 0
        world.pass(milliseconds: 100_000)
        for user in people {
            let devices = truth[user].map { Array($0.values) } ?? []
            let expected: PresenceStatus = devices.contains(.online) ? .online : devices.isEmpty ? .offline : .away
            #expect(world.status(of: user) == expected, "seed \(seed)")
            #expect(world.shown(user, at: PresenceWorld.node(Int(user.low % 3) + 1)) == expected, "seed \(seed)")
        }
    }
}
