// What can be called on another node: a number, never a mangled name.

import PeerTransport

/// One line of the call table.
package struct CallTarget: Sendable, Hashable {
    package enum Delivery: Sendable, Hashable {
        /// The caller waits for the answer; the actor's mailbox runs it to its end before the next.
        case call
        /// The caller waits for the answer; each runs in a task of its own. For what waits for a commit or for
        /// another node, which must not hold the mailbox.
        case concurrentCall
        /// The caller waits for the answer; a synchronous handler right on the event loop begins the work, and whoever
        /// ends it answers, on any thread. For what is asked often and waited for by people: no task, and no change of
        /// threads, that is not needed.
        case directCall
        /// No answer; in order through the actor's mailbox.
        case oneWay
        /// No answer; a synchronous handler right on the event loop, in order for each connection. No actor.
        case direct

        package var hasAnswer: Bool { self == .call || self == .concurrentCall || self == .directCall }
    }

    /// On the wire. Used once and never again, also when the target is gone.
    package let number: UInt16
    /// Whom it is for. Direct targets name the service that they belong to.
    package let kind: ActorKind
    /// `Module.Actor.method(label:)`, as `RemoteCallTarget` describes a distributed method; for others a dotted name.
    package let name: String
    package let delivery: Delivery
    package let connection: ConnectionKind

    package init(
        number: UInt16, kind: ActorKind, name: String, delivery: Delivery, connection: ConnectionKind = .calls
    ) {
        self.number = number
        self.kind = kind
        self.name = name
        self.delivery = delivery
        self.connection = connection
    }
}

/// All targets that a node knows, by number and by name.
package struct CallTable: Sendable {
    package let targets: [CallTarget]
    private let byNumber: [UInt16: CallTarget]
    private let byName: [String: CallTarget]

    /// - Parameter targets: Numbers and names must be unique: a second use is a mistake in the table, and a trap.
    package init(_ targets: [CallTarget]) {
        self.targets = targets.sorted { $0.number < $1.number }
        self.byNumber = Dictionary(targets.map { ($0.number, $0) }) { first, second in
            preconditionFailure("number \(first.number) names \(first.name) and \(second.name)")
        }
        self.byName = Dictionary(targets.map { ($0.name, $0) }) { first, second in
            preconditionFailure("\(first.name) has the numbers \(first.number) and \(second.number)")
        }
    }

    package subscript(number: UInt16) -> CallTarget? { self.byNumber[number] }
    package subscript(name: String) -> CallTarget? { self.byName[name] }
}
