// One local actor's queue of calls from other nodes.

import ClusterModel
import DequeModule
import Distributed
import PeerTransport
import Synchronization

/// Where the answer of a call goes. One-way calls have none.
struct AnswerPath: Sendable {
    let id: UInt64
    let path: any ReturnPath

    /// As many messages as the result needs.
    func answer(_ result: [UInt8]) {
        guard result.count <= CallMessage.resultBytesMax else { return self.fail(.tooLarge) }
        var rest = result[...]
        while rest.count > CallMessage.partBytesMax {
            let part = CallMessage.message(.part(id: self.id), Array(rest.prefix(CallMessage.partBytesMax)))
            guard self.send(part) else { return }
            rest = rest.dropFirst(CallMessage.partBytesMax)
        }
        _ = self.send(CallMessage.message(.answer(id: self.id), Array(rest)))
    }

    private func send(_ message: [UInt8]) -> Bool {
        switch self.path.send(message) {
        case .queued: return true
        case .notConnected: return false
        case .overflow: self.fail(.overloaded)
        case .tooLarge: self.fail(.tooLarge)
        }
        return false
    }

    func fail(_ error: CallError) {
        // Where not even this fits, the caller's deadline tells it.
        _ = self.path.send(CallMessage.message(.failure(id: self.id, error)))
    }
}

/// A call that waits for its actor.
struct QueuedCall: Sendable {
    let body: @Sendable (_ actor: any DistributedActor, _ argument: ByteReader) async throws -> [UInt8]
    let argument: ByteReader
    let answer: AnswerPath?
    /// Nobody waits for the answer any more after this.
    let deadline: ContinuousClock.Instant?

    func run(on actor: any DistributedActor) async throws(CallError) {
        if let deadline = self.deadline, deadline < .now { return }
        do {
            let result = try await self.body(actor, self.argument)
            guard let answer = self.answer else { return }
            answer.answer(result)
        } catch {
            let failure = Self.failure(error)
            guard let answer = self.answer else { throw failure }
            answer.fail(failure)
        }
    }

    /// The dispatch's own refusals keep their meaning; all else is what the method threw.
    private static func failure(_ error: any Error) -> CallError {
        switch error {
        case CallError.badArgument: .badArgument
        case CallError.unknownActor: .unknownActor
        default: CallError(thrownByMethod: error)
        }
    }
}

/// Runs the calls of one actor one after the other, in the order of their arrival. A call is run to its end before the
/// next begins, so a method that waits for something must be a `concurrentCall`.
final class Mailbox: Sendable {
    struct Limits: Sendable {
        var count: Int
        var bytes: Int
    }

    private struct Queue {
        var calls: Deque<QueuedCall> = []
        var bytes = 0
        var isDraining = false
        var isShut = false
    }

    enum Refusal: Sendable { case full, shut }

    let actor: any DistributedActor
    private let limits: Limits
    private let executor: (any TaskExecutor)?
    private let oneWayFailed: @Sendable (CallError) -> Void
    private let queue = Mutex(Queue())

    init(
        actor: any DistributedActor, limits: Limits, executor: (any TaskExecutor)?,
        oneWayFailed: @escaping @Sendable (CallError) -> Void
    ) {
        self.actor = actor
        self.limits = limits
        self.executor = executor
        self.oneWayFailed = oneWayFailed
    }

    /// - Returns: nil when the call will be run.
    func add(_ call: QueuedCall) -> Refusal? {
        let (refusal, starts): (Refusal?, Bool) = self.queue.withLock { queue in
            guard !queue.isShut else { return (.shut, false) }
            let bytes = queue.bytes + call.argument.remaining
            guard queue.calls.count < self.limits.count, bytes <= self.limits.bytes else { return (.full, false) }
            queue.calls.append(call)
            queue.bytes = bytes
            let starts = !queue.isDraining
            queue.isDraining = true
            return (nil, starts)
        }
        if starts { Task(executorPreference: self.executor) { await self.drain() } }
        return refusal
    }

    /// Runs a call beside the queue.
    func runConcurrently(_ call: QueuedCall, done: @escaping @Sendable () -> Void) {
        Task(executorPreference: self.executor) {
            await self.run(call)
            done()
        }
    }

    /// Calls that wait are failed with `unknownActor`; the one that runs goes on.
    func shut() {
        let left = self.queue.withLock { queue in
            queue.isShut = true
            queue.bytes = 0
            defer { queue.calls = [] }
            return queue.calls
        }
        for call in left { call.answer?.fail(.unknownActor) }
    }

    private func drain() async {
        while let call = self.next() { await self.run(call) }
    }

    private func next() -> QueuedCall? {
        self.queue.withLock { queue in
            guard let call = queue.calls.popFirst() else {
                queue.isDraining = false
                return nil
            }
            queue.bytes -= call.argument.remaining
            return call
        }
    }

    private func run(_ call: QueuedCall) async {
        do throws(CallError) {
            try await call.run(on: self.actor)
        } catch {
            self.oneWayFailed(error)
        }
    }
}
