import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

/// The directory and the shard of three channels, and all that goes on between them: people who create and rename, whose
/// commands come late and twice, effects that are sent again, and the directory's leader that settles what stays reserved.
///
/// Whatever the order: each channel that lives has its name, and no name belongs to two or to a channel called otherwise.
@Suite struct ChannelNameRaceTests {
    /// What somebody wants to do, step by step: what is known of the channel, the name claimed, the change made.
    private struct Saga {
        enum Step { case look, claim, change, over }
        let channel: ChannelID
        let name: String
        var isCreation: Bool
        var step = Step.look
        var epoch: UInt64 = 0
    }

    private struct World {
        var directory = Rig(shard: .directory)
        var shard = Rig()
        var sagas: [Saga] = []
        /// Commands that were sent once and may arrive again.
        var copies: [Command] = []
        /// What the directory's leader has seen reserved, and not asked about yet.
        var seen: [(UniqueName, NameOwner)] = []
        var keepsRefused = 0

        mutating func send(_ command: Command) -> CommandResult {
            command.key == .directory ? self.directory.apply(command) : self.shard.apply(command)
        }

        /// The first effect that waits arrives, whether or not it has arrived before.
        mutating func deliver(acknowledging: Bool) {
            guard let entry = self.shard.machine.outbox.first else { return }
            let result = self.directory.apply(.applyEffect(entry))
            if case .keepName = entry.effect, case .refused = result { self.keepsRefused += 1 }
            guard acknowledging else { return }
            self.shard.apply(.outboxDelivered(target: .directory, through: entry.position))
        }

        mutating func observe() {
            self.seen = self.directory.machine.stalePendingNames(olderThan: Timestamp(milliseconds: .max))
        }

        mutating func settle(_ place: Int) {
            let (name, owner) = self.seen.remove(at: place)
            guard case .channel(let channel) = owner else { return }
            let command = Command.settleChannelName(channel, folded: name.name)
            self.copies.append(command)
            _ = self.send(command)
        }

        /// - Returns: false when the saga has nothing more to do.
        mutating func advance(_ place: Int) -> Bool {
            var saga = self.sagas[place]
            defer { self.sagas[place] = saga }
            let name = UniqueName(kind: .channel, name: saga.name)
            switch saga.step {
            case .look:
                if !saga.isCreation {
                    guard let entry = self.shard.machine.channels[saga.channel] else { return false }
                    saga.epoch = entry.extra.nameEpoch
                }
                saga.step = .claim
            case .claim:
                let claim = Command.claimName(name, saga.channel, listed: true, epoch: saga.epoch)
                self.copies.append(claim)
                saga.step = self.send(claim) == .done ? .change : .over
            case .change:
                let change =
                    saga.isCreation
                    ? Command.createNamedChannel(
                        NewChannel(id: saga.channel, name: saga.name, folded: saga.name, type: .public, topic: ""),
                        by: actor(ada), nil)
                    : Command.renameChannel(
                        saga.channel, name: saga.name, folded: saga.name, epoch: saga.epoch, by: actor(ada), nil)
                self.copies.append(change)
                let result = self.send(change)
                saga.step = result == .refused(.conflict) ? .look : .over
                if saga.isCreation, case .refused = result {
                    _ = self.send(.settleChannelName(saga.channel, folded: saga.name))
                }
            case .over: return false
            }
            return true
        }

        /// All that is still on its way arrives, and the leader asks until nothing is reserved.
        mutating func comeToRest() -> Bool {
            for _ in 0..<50 {
                while !self.shard.machine.outbox.isEmpty { self.deliver(acknowledging: true) }
                self.observe()
                if self.seen.isEmpty { return true }
                while !self.seen.isEmpty { self.settle(0) }
            }
            return false
        }

        func owner(of name: String) -> NameOwner? {
            let key = RecordKey.of(UniqueName(kind: .channel, name: name))
            return self.directory.machine.names[key].flatMap { $0.isConfirmed ? $0.owner : nil }
        }
    }

    private static let names = ["a", "b", "c"]

    private func judge(_ world: World, _ told: String) {
        #expect(world.keepsRefused == 0, "\(told)")
        for (id, entry) in world.shard.machine.channels {
            #expect(world.owner(of: entry.extra.folded) == .channel(id), "\(told): \(entry.extra.folded)")
        }
        for name in Self.names {
            guard case .channel(let id) = world.owner(of: name) else { continue }
            #expect(world.shard.machine.channels[id]?.extra.folded == name, "\(told): \(name) is nobody's")
        }
    }

    @Test func `in whatever order things happen a channel that lives has its name`() throws {
        var renamed = 0
        for seed in 1...4000 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
            var world = World()
            world.shard.apply(.createUser(account(ada)))
            for _ in 1...60 {
                switch below(12) {
                case 0:
                    let id = channel(UInt64(1 + below(3)))
                    world.sagas.append(
                        Saga(
                            channel: id, name: Self.names[below(3)],
                            isCreation: world.shard.machine.channels[id] == nil || below(5) == 0))
                case 1...5 where !world.sagas.isEmpty:
                    let place = below(world.sagas.count)
                    if !world.advance(place) { world.sagas.remove(at: place) }
                case 6: world.deliver(acknowledging: true)
                case 7: world.deliver(acknowledging: false)
                case 8: world.observe()
                case 9 where !world.seen.isEmpty: world.settle(below(world.seen.count))
                case 10 where !world.copies.isEmpty: _ = world.send(world.copies[below(world.copies.count)])
                case 11 where below(4) == 0:
                    let id = channel(UInt64(1 + below(3)))
                    _ = world.send(
                        below(2) == 0
                            ? .archiveChannel(id, by: actor(ada), nil) : .unarchiveChannel(id, by: actor(ada), nil))
                default: break
                }
            }
            let rests = world.comeToRest()
            #expect(rests, "seed \(seed)")
            self.judge(world, "seed \(seed)")
            renamed += world.shard.machine.channels.values.count { $0.extra.nameEpoch > 0 }
            #expect(try world.directory.restored() == world.directory.machine)
        }
        // The walk does what it is for.
        #expect(renamed > 1_500)
    }

    /// A rename, a second one back, a creation that wants the name between them, and effects that come twice on the
    /// way: every order of these, each a few steps long.
    @Test func `every order of a rename, one back and a creation leaves names whole`() {
        var start = World()
        start.shard.apply(.createUser(account(ada)))
        start.sagas = [Saga(channel: channel(1), name: "a", isCreation: true)]
        while start.advance(0) {}
        while !start.shard.machine.outbox.isEmpty { start.deliver(acknowledging: true) }
        start.sagas = [
            Saga(channel: channel(1), name: "b", isCreation: false),
            Saga(channel: channel(1), name: "a", isCreation: false),
            Saga(channel: channel(2), name: "a", isCreation: true),
        ]
        var orders = 0
        var pending: [(world: World, deliveries: Int, told: String)] = [(start, 0, "")]
        while let (world, deliveries, told) = pending.popLast() {
            var isLeaf = true
            for place in world.sagas.indices where told.count < 11 {
                var next = world
                guard next.sagas[place].step != .over, next.advance(place) else { continue }
                isLeaf = false
                pending.append((next, deliveries, told + "\(place)"))
            }
            if deliveries < 2, !world.shard.machine.outbox.isEmpty {
                var next = world
                while !next.shard.machine.outbox.isEmpty { next.deliver(acknowledging: true) }
                pending.append((next, deliveries + 1, told + "d"))
            }
            guard isLeaf else { continue }
            orders += 1
            var last = world
            let rests = last.comeToRest()
            #expect(rests, "\(told)")
            self.judge(last, told)
        }
        #expect(orders > 1_000)
    }
}
