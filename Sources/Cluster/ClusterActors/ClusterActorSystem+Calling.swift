// The calling end.

import ClusterModel
import Distributed
import PeerTransport

extension ClusterActorSystem {
    package func remoteCall<A: DistributedActor, Failure: Error, Answer: Wire>(
        on actor: A, target: RemoteCallTarget, invocation: inout CallInvocationEncoder, throwing: Failure.Type,
        returning: Answer.Type
    ) async throws -> Answer where A.ID == ActorAddress {
        let target = try self.target(target)
        guard target.delivery.hasAnswer else { throw CallError.unknownTarget }
        let bytes = try await self.ask(target, at: actor.id, invocation.arguments.bytes)
        return try Self.decoded(bytes)
    }

    package func remoteCallVoid<A: DistributedActor, Failure: Error>(
        on actor: A, target: RemoteCallTarget, invocation: inout CallInvocationEncoder, throwing: Failure.Type
    ) async throws where A.ID == ActorAddress {
        let target = try self.target(target)
        if target.delivery.hasAnswer {
            _ = try await self.ask(target, at: actor.id, invocation.arguments.bytes)
        } else {
            let verdict = self.post(target, to: actor.id, bytes: invocation.arguments.bytes)
            guard verdict == .queued else { throw CallError(verdict) }
        }
    }

    /// A call by its line in the table, without a distributed method at this end.
    package func call<Argument: Wire, Answer: Wire>(
        _ target: CallTarget, at address: ActorAddress, _ argument: Argument, returning: Answer.Type = Answer.self,
        timeout: Duration? = nil
    ) async throws -> Answer {
        try Self.decoded(try await self.ask(target, at: address, argument.encoded, timeout: timeout))
    }

    /// Sends without waiting for anything. Any thread. What becomes of it there is not told.
    package func post(_ target: CallTarget, to address: ActorAddress, _ argument: some Wire) -> SendVerdict {
        precondition(!target.delivery.hasAnswer, "\(target.name) has an answer: call it")
        let head = CallMessage.Head.oneWay(target: target.number, instance: address.instance)
        return self.link.send(CallMessage.message(head, argument), to: address.node, on: target.connection)
    }

    /// To a direct target, which has no actor.
    package func post(_ target: CallTarget, to node: NodeID, _ argument: some Wire) -> SendVerdict {
        self.post(target, to: ActorAddress(node: node, kind: target.kind), argument)
    }

    /// To an actor, with an argument that is encoded already.
    package func post(_ target: CallTarget, to address: ActorAddress, bytes: [UInt8]) -> SendVerdict {
        precondition(!target.delivery.hasAnswer, "\(target.name) has an answer: call it")
        let head = CallMessage.Head.oneWay(target: target.number, instance: address.instance)
        return self.link.send(CallMessage.message(head, bytes), to: address.node, on: target.connection)
    }

    /// To a direct target, which has no actor.
    package func post(_ target: CallTarget, to node: NodeID, bytes: [UInt8]) -> SendVerdict {
        self.post(target, to: ActorAddress(node: node, kind: target.kind), bytes: bytes)
    }

    private static func decoded<Answer: Wire>(_ bytes: [UInt8]) throws(CallError) -> Answer {
        do {
            return try Answer(encoded: bytes)
        } catch {
            throw .badArgument
        }
    }

    /// Sends a call and waits for the bytes of its answer.
    ///
    /// - Throws: `CallError`, or `CancellationError` when the task is cancelled first.
    func ask(
        _ target: CallTarget, at address: ActorAddress, _ argument: [UInt8], timeout: Duration? = nil
    ) async throws -> [UInt8] {
        let timeout = timeout ?? CallOptions.timeout ?? self.settings.defaultTimeout
        let deadline = ContinuousClock.now.advanced(by: timeout)
        let id = self.pending.makeID()
        let message = CallMessage.message(Self.head(id, target, address, timeout), argument)
        defer { self.pending.forget(id) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.send(message, id, target, to: address.node, deadline: deadline) { continuation.resume(with: $0) }
            }
        } onCancel: {
            self.pending.cancel(id)
        }
    }

    /// The same without a task. Any thread.
    ///
    /// - Parameter complete: runs once, with the bytes of the answer: on the event loop that it came in on, on this thread
    ///   when the call can not even be sent, or where its end is noticed.
    package func ask(
        _ target: CallTarget, at address: ActorAddress, _ argument: some Wire, timeout: Duration,
        _ complete: @escaping @Sendable (Result<[UInt8], any Error>) -> Void
    ) {
        precondition(target.delivery.hasAnswer, "\(target.name) has no answer: post it")
        let deadline = ContinuousClock.now.advanced(by: timeout)
        let id = self.pending.makeID()
        let message = CallMessage.message(Self.head(id, target, address, timeout), argument)
        self.send(message, id, target, to: address.node, deadline: deadline, complete)
    }

    private static func head(
        _ id: UInt64, _ target: CallTarget, _ address: ActorAddress, _ timeout: Duration
    ) -> CallMessage.Head {
        .call(
            id: id, target: target.number, instance: address.instance, millisecondsLeft: Self.milliseconds(timeout))
    }

    private func send(
        _ message: [UInt8], _ id: UInt64, _ target: CallTarget, to node: NodeID, deadline: ContinuousClock.Instant,
        _ complete: @escaping PendingCalls.Completion
    ) {
        // Known before it is sent: the answer may be quicker than the next line.
        guard self.pending.add(id, to: node, on: target.connection, deadline: deadline, complete) else { return }
        let verdict = self.link.send(message, to: node, on: target.connection)
        if verdict != .queued { self.pending.fail(id, CallError(verdict)) }
    }

    private static func milliseconds(_ duration: Duration) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < Int64(UInt32.max / 1_000) else { return .max }
        return UInt32(seconds) * 1_000 + UInt32(attoseconds / 1_000_000_000_000_000)
    }
}
