// The actors that live on this node, by kind and instance.

import Distributed
import Synchronization

/// Holds actors strongly: one that is to go must be stopped.
final class LocalActors: Sendable {
    struct Place: Hashable, Sendable {
        let kind: ActorKind
        let instance: UInt64
    }

    private enum Entry {
        /// The id is given out, the actor's initialiser still runs.
        case reserved
        case ready(Mailbox)
    }

    private struct State {
        var entries: [Place: Entry] = [:]
        var nextAnonymous: UInt64 = 1
    }

    private let state = Mutex(State())

    func reserve(_ place: Place) {
        let isFree = self.state.withLock { state in
            guard state.entries[place] == nil else { return false }
            state.entries[place] = .reserved
            return true
        }
        precondition(isFree, "two actors of kind \(place.kind.rawValue) instance \(place.instance)")
    }

    func reserveAnonymous() -> Place {
        self.state.withLock { state in
            let place = Place(kind: .anonymous, instance: state.nextAnonymous)
            state.nextAnonymous += 1
            state.entries[place] = .reserved
            return place
        }
    }

    func ready(_ place: Place, _ mailbox: Mailbox) {
        self.state.withLock { $0.entries[place] = .ready(mailbox) }
    }

    /// Frees a place whose actor never became ready. A ready entry is another, living actor's: this table would have
    /// kept the one that says goodbye alive.
    func resign(_ place: Place) {
        self.state.withLock { state in
            if case .reserved? = state.entries[place] { state.entries[place] = nil }
        }
    }

    func remove(_ place: Place) -> Mailbox? {
        self.state.withLock { state in
            guard case .ready(let mailbox)? = state.entries[place] else { return nil }
            state.entries[place] = nil
            return mailbox
        }
    }

    func removeAll() -> [Mailbox] {
        self.state.withLock { state in
            defer { state.entries = [:] }
            return state.entries.values.compactMap { if case .ready(let mailbox) = $0 { mailbox } else { nil } }
        }
    }

    subscript(place: Place) -> Mailbox? {
        self.state.withLock { state in
            if case .ready(let mailbox)? = state.entries[place] { mailbox } else { nil }
        }
    }
}
