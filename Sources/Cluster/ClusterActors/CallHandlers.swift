// What a node does when a target is called: hand-written dispatch with every type checked.

import ClusterModel
import Distributed
import Synchronization

/// A registered handler. The runtime's dispatch by mangled name is not used: it demangles on each call, and a name that
/// does not belong to the actor's type is undefined behaviour.
enum CallHandler: Sendable {
    /// Decodes the argument, checks the actor's type, runs, encodes the answer. Throws `CallError` for the first two and
    /// whatever the method throws.
    case actor(@Sendable (_ actor: any DistributedActor, _ argument: ByteReader) async throws -> [UInt8])
    /// On the event loop; the answer comes when it comes.
    case answering(@Sendable (_ instance: UInt64, _ argument: ByteReader, _ answer: CallAnswer) -> Void)
    /// On the event loop.
    case direct(@Sendable (_ instance: UInt64, _ argument: ByteReader, _ from: NodeID) -> Void)
}

/// Where a direct call's answer goes. Any thread. Who lets it go without a word leaves the caller to its deadline.
package final class CallAnswer: Sendable {
    private let path: AnswerPath
    private let ended: @Sendable () -> Void

    init(_ path: AnswerPath, ended: @escaping @Sendable () -> Void) {
        self.path = path
        self.ended = ended
    }

    deinit { self.ended() }

    /// Once.
    package func answer(_ result: some Wire) {
        self.path.answer(result.encoded)
    }
    package func fail(_ error: CallError) { self.path.fail(error) }
}

/// The handlers by target number. Written at start, read on every call.
final class CallHandlers: Sendable {
    private let handlers = Mutex<[UInt16: CallHandler]>([:])

    subscript(number: UInt16) -> CallHandler? { self.handlers.withLock { $0[number] } }

    func add(_ handler: CallHandler, for target: CallTarget) {
        let isNew = self.handlers.withLock { handlers in
            handlers.updateValue(handler, forKey: target.number) == nil
        }
        precondition(isNew, "target \(target.number) \(target.name) has two handlers")
    }
}

extension ClusterActorSystem {
    /// Calls of `target` are answered by `body`, typically `{ actor, argument in try await actor.method(argument) }`.
    /// Register before the first peer connects; a second handler for a target is a trap.
    package func register<A: DistributedActor, Argument: Wire, Answer: Wire>(
        _ target: CallTarget, on type: A.Type,
        _ body: @escaping @Sendable (A, Argument) async throws -> Answer
    ) where A.ActorSystem == ClusterActorSystem {
        self.add(target) { actor, argument in
            var argument = argument
            let actor: A = try Self.check(actor)
            let answer = try await body(actor, try Self.decode(&argument))
            return answer.encoded
        }
    }

    /// The same for targets without an answer, or with an empty one.
    package func register<A: DistributedActor, Argument: Wire>(
        _ target: CallTarget, on type: A.Type, _ body: @escaping @Sendable (A, Argument) async throws -> Void
    ) where A.ActorSystem == ClusterActorSystem {
        self.add(target) { actor, argument in
            var argument = argument
            let actor: A = try Self.check(actor)
            try await body(actor, try Self.decode(&argument))
            return []
        }
    }

    /// The same for methods without arguments.
    package func register<A: DistributedActor, Answer: Wire>(
        _ target: CallTarget, on type: A.Type, _ body: @escaping @Sendable (A) async throws -> Answer
    ) where A.ActorSystem == ClusterActorSystem {
        self.add(target) { actor, argument in
            let actor: A = try Self.check(actor)
            guard argument.isAtEnd else { throw CallError.badArgument }
            return try await body(actor).encoded
        }
    }

    /// Calls of `target` are begun by `body`, on the event loop that they came in on: it must be quick, must not block, and is
    /// called from several loops at once.
    package func registerDirectCall<Argument: Wire>(
        _ target: CallTarget,
        _ body: @escaping @Sendable (_ instance: UInt64, _ argument: Argument, _ answer: CallAnswer) -> Void
    ) {
        precondition(target.delivery == .directCall, "\(target.name) is no direct call")
        precondition(self.table[target.number] == target, "\(target.name) is not in the call table")
        let handler = CallHandler.answering { instance, argument, answer in
            var argument = argument
            do throws(CallError) {
                body(instance, try Self.decode(&argument), answer)
            } catch {
                answer.fail(error)
            }
        }
        self.handlers.add(handler, for: target)
    }

    /// `body` runs on the event loop that the message came in on: it must be quick, must not block, and is called from
    /// several loops at once. `reader` stands at the argument.
    package func registerDirect(
        _ target: CallTarget,
        _ body: @escaping @Sendable (_ instance: UInt64, _ reader: ByteReader, _ from: NodeID) -> Void
    ) {
        precondition(target.delivery == .direct, "\(target.name) is not direct")
        self.handlers.add(.direct(body), for: target)
    }

    private func add(
        _ target: CallTarget, _ body: @escaping @Sendable (any DistributedActor, ByteReader) async throws -> [UInt8]
    ) {
        precondition(target.delivery != .direct && target.delivery != .directCall, "\(target.name) is direct")
        precondition(self.table[target.number] == target, "\(target.name) is not in the call table")
        self.handlers.add(.actor(body), for: target)
    }

    private static func check<A: DistributedActor>(_ actor: any DistributedActor) throws(CallError) -> A {
        guard let actor = actor as? A else { throw .unknownActor }
        return actor
    }

    private static func decode<Argument: Wire>(_ reader: inout ByteReader) throws(CallError) -> Argument {
        guard let argument = try? Argument(from: &reader), reader.isAtEnd else { throw .badArgument }
        return argument
    }
}
