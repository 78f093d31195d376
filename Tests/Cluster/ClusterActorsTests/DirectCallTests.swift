import ClusterModel
import PeerTransport
import Synchronization
import Testing

@testable import ClusterActors

@Suite(.timeLimit(.minutes(1))) struct DirectCallTests {
    private final class Answers: Sendable {
        private let waiting = Mutex<[(line: Line, answer: CallAnswer)]>([])

        var count: Int { self.waiting.withLock { $0.count } }
        func add(_ line: Line, _ answer: CallAnswer) { self.waiting.withLock { $0.append((line, answer)) } }
        func takeAll() -> [(line: Line, answer: CallAnswer)] {
            self.waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
        }
    }

    private func ask(_ pair: Pair, _ text: String, timeout: Duration = .seconds(10)) async -> Result<Line, any Error> {
        await withCheckedContinuation { continuation in
            pair.ada.ask(.look, at: Pair.address, Line(text), timeout: timeout) { result in
                continuation.resume(returning: result.flatMap { bytes in Result { try Line(encoded: bytes) } })
            }
        }
    }

    private func failure(_ result: Result<Line, any Error>) -> CallError? {
        guard case .failure(let error) = result else { return nil }
        return error as? CallError
    }

    /// Waits for what another thread does.
    private func until(_ isSo: () -> Bool) async {
        while !isSo() { await Task.yield() }
    }

    @Test func `it is begun at once and answered when there is an answer, from any thread`() async throws {
        let pair = try Pair()
        let answers = Answers()
        pair.grace.registerDirectCall(.look) { instance, line, answer in
            #expect(instance == 7)
            answers.add(line, answer)
        }
        let calls = (0..<100).map { number in Task { await self.ask(pair, "\(number)") } }
        await self.until { answers.count == 100 }
        #expect(pair.ada.statistics.pendingCalls == 100)
        // The last first: nobody waits for another's answer.
        for (line, answer) in answers.takeAll().reversed() { Task.detached { answer.answer(Line(line.text + "!")) } }
        for (number, call) in calls.enumerated() { #expect(try await call.value.get() == Line("\(number)!")) }
        #expect(pair.ada.statistics.pendingCalls == 0)
        // Who has a task may wait in it.
        let inTask = Task { try await pair.ada.call(.look, at: Pair.address, Line("x")) as Line }
        await self.until { answers.count == 1 }
        for (line, answer) in answers.takeAll() { answer.answer(line) }
        #expect(try await inTask.value == Line("x"))
        await pair.end()
    }

    @Test func `no more are under way than may be, and each that is let go makes room`() async throws {
        var settings = ClusterActorSettings()
        settings.concurrentCallsMax = 2
        settings.sweepInterval = .milliseconds(5)
        let pair = try Pair(settings: settings)
        let answers = Answers()
        pair.grace.registerDirectCall(.look) { _, line, answer in answers.add(line, answer) }
        let first = Task { await self.ask(pair, "a") }
        let forgotten = Task { await self.ask(pair, "b", timeout: .milliseconds(200)) }
        await self.until { answers.count == 2 }
        #expect(self.failure(await self.ask(pair, "c")) == .overloaded)
        // Without a word the deadline tells the caller.
        #expect(self.failure(await forgotten.value) == .deadlineExceeded)
        for (line, answer) in answers.takeAll() where line == Line("a") { answer.answer(line) }
        #expect(try await first.value.get() == Line("a"))
        let next = Task { await self.ask(pair, "d") }
        await self.until { answers.count == 1 }
        for (line, answer) in answers.takeAll() { answer.answer(line) }
        #expect(try await next.value.get() == Line("d"))
        await pair.end()
    }

    @Test func `what can not be asked or answered fails by name`() async throws {
        let pair = try Pair()
        #expect(self.failure(await self.ask(pair, "x")) == .unknownTarget)
        pair.grace.registerDirectCall(.look) { (_, line: Line, answer) in
            guard line.text != "refuse" else { return answer.fail(.unknownActor) }
            answer.answer(Line(String(repeating: "x", count: 33_600_000)))
        }
        #expect(self.failure(await self.ask(pair, "refuse")) == .unknownActor)
        #expect(self.failure(await self.ask(pair, "long")) == .tooLarge)
        let bad: Result<[UInt8], any Error> = await withCheckedContinuation { continuation in
            pair.ada.ask(.look, at: Pair.address, Number(.max), timeout: .seconds(10)) {
                continuation.resume(returning: $0)
            }
        }
        #expect(throws: CallError.badArgument) { try bad.get() }
        // One-way it is not to be had.
        let message = CallMessage.message(.oneWay(target: CallTarget.look.number, instance: 7), Line("x"))
        #expect(pair.network.link(of: Pair.ada).send(message, to: Pair.grace, on: .calls) == .queued)
        await self.until { pair.grace.statistics.droppedOneWay == 1 }
        await pair.end()
    }

    @Test func `the death of the peer ends it`() async throws {
        let pair = try Pair()
        let answers = Answers()
        pair.grace.registerDirectCall(.look) { _, line, answer in answers.add(line, answer) }
        let call = Task { await self.ask(pair, "a") }
        await self.until { answers.count == 1 }
        pair.network.crash(Pair.grace)
        #expect(self.failure(await call.value) == .unreachable)
        #expect(self.failure(await self.ask(pair, "b")) == .unreachable)
        // Nobody hears it any more, and nothing traps.
        for (line, answer) in answers.takeAll() { answer.answer(line) }
        await pair.end()
    }
}
