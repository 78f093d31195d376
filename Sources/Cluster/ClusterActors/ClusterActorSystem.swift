// Our distributed actor system: calls between nodes by number, over a transport that is given.

import ClusterModel
import Distributed
import Logging
import PeerTransport
import Synchronization

/// Limits and hooks of an actor system.
package struct ClusterActorSettings: Sendable {
    /// Of a call whose caller did not set `CallOptions.timeout`.
    package var defaultTimeout: Duration = .seconds(5)
    /// How often deadlines are looked at, hence how late one may be noticed.
    package var sweepInterval: Duration = .milliseconds(50)
    /// Calls that wait in one actor's mailbox.
    package var mailboxCountMax = 65_536
    /// Bytes of their arguments.
    package var mailboxBytesMax = 32 << 20
    /// Concurrent calls that run on this node at once.
    package var concurrentCallsMax = 16_384
    /// What an actor is pinned to; nil for the default executor. An actor that is pinned must name it too, see
    /// `ClusterActorSystem.executor(for:)`.
    package var executor: @Sendable (ActorAddress) -> (any ActorExecutor)? = { _ in nil }

    package init() {}
}

/// What a caller may set for the calls of its task.
package enum CallOptions {
    /// How long a call may take; nil means the system's default.
    @TaskLocal package static var timeout: Duration?
}

/// Counters since the start, for metrics.
package struct ClusterActorStatistics: Sendable, Equatable {
    /// One-way calls dropped here: no such target or actor, a bad argument, a full mailbox, an error of the method.
    package var droppedOneWay: UInt64 = 0
    /// Calls refused here with an error other than the method's own.
    package var refusedCalls: UInt64 = 0
    /// Messages that were none.
    package var malformedMessages: UInt64 = 0
    package var pendingCalls = 0
}

/// The one distributed actor system of the project. Tests and simulations inject another `PeerLink`, never another system.
///
/// A distributed method that another node may call has a line in the call table and a handler from `register`. The sending
/// end finds the line by the method's readable name once and then by its mangled one; a method without a line fails with
/// `unknownTarget`. Local calls do not come here at all.
package final class ClusterActorSystem: DistributedActorSystem, Sendable {
    package typealias ActorID = ActorAddress
    package typealias InvocationEncoder = CallInvocationEncoder
    package typealias InvocationDecoder = CallInvocationDecoder
    package typealias ResultHandler = CallResultHandler
    package typealias SerializationRequirement = any Wire

    package let node: NodeID
    package let table: CallTable
    package let settings: ClusterActorSettings
    let link: any PeerLink
    let handlers = CallHandlers()
    let actors = LocalActors()
    let pending = PendingCalls()
    let counters = Mutex(ClusterActorStatistics())
    let concurrentCount = Mutex(0)
    private let logger: Logger
    /// Mangled names of distributed methods seen so far. Bounded by the program's text.
    private let targets = Mutex<[String: CallTarget]>([:])
    private let sweeper = Mutex<Task<Void, Never>?>(nil)

    @TaskLocal private static var place: LocalActors.Place?

    package init(
        node: NodeID, link: any PeerLink, table: CallTable = .roost, settings: ClusterActorSettings = .init(),
        logger: Logger
    ) {
        self.node = node
        self.link = link
        self.table = table
        self.settings = settings
        self.logger = logger
    }

    // MARK: Life

    /// Begins to look at deadlines.
    package func start() {
        let interval = self.settings.sweepInterval
        self.sweeper.withLock { sweeper in
            guard sweeper == nil else { return }
            sweeper = Task { [weak self] in
                // Ends with the cancellation that `shutdown` sends, or with the system.
                while (try? await Task.sleep(for: interval)) != nil {
                    guard let self else { return }
                    self.pending.expire(now: .now)
                }
            }
        }
    }

    /// Fails what waits, here and at callers, and lets the actors go. Shut the transport first.
    package func shutdown() async {
        let sweeper = self.sweeper.withLock { sweeper in
            defer { sweeper = nil }
            return sweeper
        }
        sweeper?.cancel()
        self.pending.shut()
        for mailbox in self.actors.removeAll() { mailbox.shut() }
        await sweeper?.value
    }

    package var statistics: ClusterActorStatistics {
        var statistics = self.counters.withLock { $0 }
        statistics.pendingCalls = self.pending.count
        return statistics
    }

    // MARK: Actors

    /// Makes an actor at a place that other nodes know: `try system.host(.persistence, instance: 7) { Replica(…) }`.
    /// Traps when the place is taken: `stop` its actor first.
    package func host<A: DistributedActor>(
        _ kind: ActorKind, instance: UInt64 = 0, _ make: () throws -> A
    ) rethrows -> A where A.ActorSystem == ClusterActorSystem {
        let actor = try Self.$place.withValue(.init(kind: kind, instance: instance), operation: make)
        precondition(actor.id.kind == kind && actor.id.instance == instance, "\(actor.id) was made somewhere else")
        return actor
    }

    /// Takes no more calls from other nodes for the actor, and forgets it.
    package func stop(_ address: ActorAddress) {
        self.actors.remove(address.place)?.shut()
    }

    /// A reference to the actor at `address`, wherever that is.
    package func reference<A: DistributedActor>(
        to type: A.Type, at address: ActorAddress
    ) throws -> A where A.ActorSystem == ClusterActorSystem {
        try A.resolve(id: address, using: self)
    }

    /// For `unownedExecutor` of an actor that is pinned:
    ///
    ///     nonisolated var unownedExecutor: UnownedSerialExecutor {
    ///         guard __isLocalActor(self), let executor = actorSystem.executor(for: id) else {
    ///             return buildDefaultDistributedRemoteActorExecutor(self)
    ///         }
    ///         return executor.asUnownedSerialExecutor()
    ///     }
    ///
    /// - Warning: The executor must live as long as the system; an unowned one does not keep it.
    package func executor(for address: ActorAddress) -> (any ActorExecutor)? {
        self.settings.executor(address)
    }

    package func resolve<A: DistributedActor>(
        id: ActorAddress, as type: A.Type
    ) throws -> A? where A.ID == ActorAddress {
        guard id.node == self.node else { return nil }
        guard let actor = self.actors[id.place]?.actor as? A else { throw CallError.unknownActor }
        return actor
    }

    package func assignID<A: DistributedActor>(_ type: A.Type) -> ActorAddress where A.ID == ActorAddress {
        let place: LocalActors.Place
        if let wanted = Self.place {
            self.actors.reserve(wanted)
            place = wanted
        } else {
            place = self.actors.reserveAnonymous()
        }
        return ActorAddress(node: self.node, kind: place.kind, instance: place.instance)
    }

    package func actorReady<A: DistributedActor>(_ actor: A) where A.ID == ActorAddress {
        let limits = Mailbox.Limits(count: self.settings.mailboxCountMax, bytes: self.settings.mailboxBytesMax)
        let mailbox = Mailbox(actor: actor, limits: limits, executor: self.settings.executor(actor.id)) { [weak self] in
            self?.droppedOneWay(by: $0)
        }
        self.actors.ready(actor.id.place, mailbox)
    }

    package func resignID(_ id: ActorAddress) {
        self.actors.resign(id.place)
    }

    package func makeInvocationEncoder() -> CallInvocationEncoder { CallInvocationEncoder() }

    // MARK: Names to numbers

    /// The line of the table for a distributed method, by its mangled name.
    func target(_ method: RemoteCallTarget) throws(CallError) -> CallTarget {
        if let known = self.targets.withLock({ $0[method.identifier] }) { return known }
        guard let target = self.table[method.description] else {
            self.logger.error("method is not in the call table", metadata: ["call.method": "\(method.description)"])
            throw .unknownTarget
        }
        self.targets.withLock { $0[method.identifier] = target }
        return target
    }

    func droppedOneWay(by error: CallError) {
        self.counters.withLock { $0.droppedOneWay += 1 }
        self.logger.debug("one-way call dropped", metadata: ["call.error": "\(error)"])
    }
}

extension ActorAddress {
    var place: LocalActors.Place { .init(kind: self.kind, instance: self.instance) }
}
