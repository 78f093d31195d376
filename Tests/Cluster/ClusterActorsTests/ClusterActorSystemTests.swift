import ClusterModel
import PeerTransport
import Synchronization
import Testing

@testable import ClusterActors

@Suite(.timeLimit(.minutes(2))) struct ClusterActorSystemTests {
    private func error(_ body: () async throws -> Void) async -> CallError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? CallError
        }
    }

    @Test func `a call reaches the actor on the other node`() async throws {
        let pair = try Pair()
        #expect(try await pair.remote.say(Line("hello")) == Line("hello!"))
        // Where it lives the same reference is the actor itself.
        let own = try pair.grace.reference(to: Room.self, at: Pair.address)
        #expect(own === pair.local)
        #expect(try await own.say(Line("hello")) == Line("hello!"))
        #expect(pair.grace.statistics == ClusterActorStatistics())
        await pair.end()
    }

    @Test func `one-way calls return at once and keep their order`() async throws {
        let pair = try Pair()
        for number in 1...50_000 as ClosedRange<UInt64> { try await pair.remote.note(Number(number)) }
        // Through the same mailbox, hence behind them.
        #expect(try await pair.remote.noted() == Number(50_000))
        await pair.end()
    }

    @Test func `a thousand calls at once all get their own answers`() async throws {
        let pair = try Pair()
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<1_000 {
                group.addTask { try await pair.remote.say(Line("\(number)")) != Line("\(number)!") }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wrong == 0)
        #expect(pair.ada.statistics.pendingCalls == 0)
        await pair.end()
    }

    @Test func `an application error means the same on both nodes`() async throws {
        let pair = try Pair()
        for room in [pair.remote, pair.local] {
            do {
                _ = try await room.refuse(Line(""))
                Issue.record("not refused")
            } catch {
                #expect(RoomError(thrown: error) == .full(limit: 3))
            }
        }
        #expect(await self.error { _ = try await pair.remote.refuse(Line("")) } == .application(code: 7, detail: "3"))
        await pair.end()
    }

    @Test func `an error without a code crosses as its type's name`() async throws {
        let pair = try Pair()
        #expect(await self.error { try await pair.remote.fail(Line("")) } == .application(code: 0, detail: "Unknown"))
        await pair.end()
    }

    @Test func `a call that takes too long is given up`() async throws {
        var settings = ClusterActorSettings()
        settings.sweepInterval = .milliseconds(5)
        let pair = try Pair(settings: settings)
        let failure = await CallOptions.$timeout.withValue(.milliseconds(20)) {
            await self.error { _ = try await pair.remote.wait(Line("")) }
        }
        #expect(failure == .deadlineExceeded)
        // The late answer finds nobody and hurts nobody.
        try await pair.remote.open(Line(""))
        #expect(try await pair.remote.wait(Line("a")) == Line("a"))
        #expect(pair.ada.statistics.pendingCalls == 0)
        await pair.end()
    }

    @Test func `a concurrent call does not hold the mailbox`() async throws {
        let pair = try Pair()
        async let waiting = pair.remote.wait(Line("a"))
        #expect(try await pair.remote.say(Line("b")) == Line("b!"))
        try await pair.remote.open(Line(""))
        #expect(try await waiting == Line("a"))
        await pair.end()
    }

    @Test func `a cancelled caller does not wait`() async throws {
        let pair = try Pair()
        let task = Task { try await pair.remote.wait(Line("a")) }
        while pair.ada.statistics.pendingCalls == 0 { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await pair.remote.say(Line("a"))
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(pair.ada.statistics.pendingCalls == 0)
        try await pair.remote.open(Line(""))
        await pair.end()
    }

    @Test func `calls that the node can not serve are refused by name`() async throws {
        let pair = try Pair()
        let nobody = ActorAddress(node: Pair.grace, kind: .room, instance: 8)
        let lobby = pair.grace.host(.room, instance: 9) { Lobby(actorSystem: pair.grace) }
        func refusal(_ target: CallTarget, _ address: ActorAddress, _ argument: some Wire = Line("x")) async
            -> CallError?
        {
            await self.error { let _: Line = try await pair.ada.call(target, at: address, argument) }
        }
        #expect(await refusal(.say, nobody) == .unknownActor)
        #expect(await refusal(.say, lobby.id) == .unknownActor)
        #expect(await refusal(.orphan, Pair.address) == .unknownTarget)
        let foreign = CallTarget(number: 9, kind: .room, name: "foreign", delivery: .call)
        #expect(await refusal(foreign, Pair.address) == .unknownTarget)
        // A number that takes no answer there, asked for one.
        let mistaken = CallTarget(number: CallTarget.note.number, kind: .room, name: "note", delivery: .call)
        #expect(await refusal(mistaken, Pair.address) == .unknownTarget)
        #expect(await refusal(.say, Pair.address, Number(.max)) == .badArgument)
        let elsewhere = ActorAddress(node: NodeID(high: 9, low: 9), kind: .room, instance: 7)
        #expect(await refusal(.say, elsewhere) == .unreachable)
        #expect(pair.grace.statistics.refusedCalls == 4)
        // A method without a line in the table never leaves the node.
        #expect(await self.error { try await pair.remote.unlisted(Line("")) } == .unknownTarget)
        await pair.end()
    }

    @Test func `an answer that no frame holds comes in parts, up to a limit`() async throws {
        let pair = try Pair()
        for count in [0, 262_000, 262_139, 262_140, 262_144, 262_145, 524_288, 1_000_000, 1_100_000, 10_000_000] {
            #expect(try await pair.remote.big(Number(UInt64(count))).text.utf8.count == count)
        }
        #expect(await self.error { _ = try await pair.remote.big(Number(33_600_000)) } == .tooLarge)
        #expect(pair.ada.statistics.pendingCalls == 0)
        #expect(
            await self.error { _ = try await pair.remote.say(Line(String(repeating: "x", count: 1_100_000))) }
                == .tooLarge)
        await pair.end()
    }

    @Test func `a full mailbox refuses by name`() async throws {
        var settings = ClusterActorSettings()
        settings.mailboxBytesMax = 1_000
        let pair = try Pair(settings: settings)
        let long = Line(String(repeating: "x", count: 1_001))
        #expect(await self.error { _ = try await pair.remote.say(long) } == .overloaded)
        #expect(pair.ada.post(.note, to: Pair.address, long) == .queued)
        #expect(pair.grace.statistics.droppedOneWay == 1)
        await pair.end()
    }

    @Test func `the death of a peer fails what waits for it`() async throws {
        let pair = try Pair()
        let calls = (0..<10).map { _ in Task { await self.error { _ = try await pair.remote.wait(Line("")) } } }
        while pair.ada.statistics.pendingCalls < 10 { await Task.yield() }
        pair.network.crash(Pair.grace)
        for call in calls { #expect(await call.value == .unreachable) }
        #expect(await self.error { _ = try await pair.remote.say(Line("")) } == .unreachable)
        await #expect(throws: CallError.unreachable) { try await pair.remote.note(Number(1)) }
        try await pair.local.open(Line(""))
        await pair.end()
    }

    @Test func `a stopped actor is unknown and its place is free`() async throws {
        let pair = try Pair()
        pair.grace.stop(Pair.address)
        #expect(await self.error { _ = try await pair.remote.say(Line("")) } == .unknownActor)
        let next = pair.grace.host(.room, instance: 7) { Room(actorSystem: pair.grace) }
        #expect(try await pair.remote.say(Line("b")) == Line("b!"))
        #expect(next.id == Pair.address)
        await pair.end()
    }

    @Test func `a direct target is handed its bytes in order and at once`() async throws {
        let pair = try Pair()
        let seen = Mutex<[UInt64]>([])
        pair.grace.registerDirect(.batch) { instance, reader, from in
            var reader = reader
            guard from == Pair.ada, instance == 0, let number = try? reader.read(UInt64.self) else { return }
            seen.withLock { $0.append(number) }
        }
        for number in 0..<1_000 as Range<UInt64> {
            #expect(pair.ada.post(.batch, to: Pair.grace, bytes: Number(number).encoded) == .queued)
        }
        #expect(seen.withLock { $0 } == Array(0..<1_000))
        await pair.end()
    }

    @Test func `no bytes of a peer trap`() async throws {
        let pair = try Pair()
        let link = pair.network.link(of: NodeID(high: 0xBAD, low: 1))
        var random = SeededGenerator(seed: 5)
        let call = CallMessage.message(
            .call(id: 1, target: CallTarget.say.number, instance: 7, millisecondsLeft: 100), Line("hello").encoded)
        for round in 0..<20_000 {
            var bytes = call
            if round.isMultiple(of: 2) {
                bytes = bytes.prefix(Int.random(in: 0...bytes.count, using: &random)).map { $0 }
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            _ = link.send(bytes, to: Pair.grace, on: .calls)
        }
        #expect(try await pair.remote.say(Line("alive")) == Line("alive!"))
        #expect(pair.grace.statistics.malformedMessages > 0)
        await pair.end()
    }

    @Test func `parts of a node that was not asked, or of nothing, are ignored, and endless ones end the call`()
        async throws
    {
        let pair = try Pair()
        let link = pair.network.link(of: Pair.grace)
        let mallory = pair.network.link(of: NodeID(high: 0xBAD, low: 1))
        let call = Task { await self.error { _ = try await pair.remote.wait(Line("a")) } }
        while pair.ada.statistics.pendingCalls == 0 { await Task.yield() }
        let part = Array(repeating: UInt8(ascii: "x"), count: 1_000_000)
        for _ in 0..<40 {
            _ = mallory.send(CallMessage.message(.part(id: 1), part), to: Pair.ada, on: .calls)
            _ = link.send(CallMessage.message(.part(id: 99), part), to: Pair.ada, on: .calls)
        }
        #expect(pair.ada.statistics.pendingCalls == 1)
        for _ in 0..<40 { _ = link.send(CallMessage.message(.part(id: 1), part), to: Pair.ada, on: .calls) }
        #expect(await call.value == .tooLarge)
        try await pair.local.open(Line(""))
        await pair.end()
    }

    @Test func `answers of a node that was not asked are ignored`() async throws {
        let pair = try Pair()
        let mallory = NodeID(high: 0xBAD, low: 1)
        let call = Task { try await pair.remote.wait(Line("a")) }
        while pair.ada.statistics.pendingCalls == 0 { await Task.yield() }
        for id in 0..<100 as Range<UInt64> {
            let forged = CallMessage.message(.answer(id: id), Line("forged").encoded)
            #expect(pair.network.link(of: mallory).send(forged, to: Pair.ada, on: .calls) == .queued)
        }
        try await pair.remote.open(Line(""))
        #expect(try await call.value == Line("a"))
        await pair.end()
    }
}
