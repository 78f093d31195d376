// A process without a free file descriptor can not open a database, a log segment or a thread's state: it ends.

/// How many file descriptors the process has open, and how many it may have.
package struct DescriptorCount: Hashable, Sendable {
    package var open: Int
    package var limit: Int

    package init(open: Int, limit: Int) {
        self.open = open
        self.limit = limit
    }

    /// Never negative, though the limit may be lowered below what is open.
    package var free: Int { max(self.limit - self.open, 0) }
}

/// Who connects. Other nodes are let in longer than clients: without them nobody is served.
package enum DescriptorUse: Hashable, Sendable, CaseIterable {
    case clients
    case peers
}

/// What becomes of a connection that knocks.
package enum DescriptorAdmission: Hashable, Sendable {
    case admitted
    /// Accepted, told why not, and closed.
    case refused
    /// Accepted and closed at once; few at a time.
    case dropped
    /// Not even accepted: it waits in the kernel's queue.
    case held
}

/// Keeps descriptors free for the node's own work. Pure.
///
///     free:  limit ──────── reserve ──────── half ──── quarter ──── eighth ─── few ─── 0
///     clients    admitted      │   refused    │         dropped              │  held
///     peers                 admitted                     │      dropped      │  held
package enum DescriptorRule {
    /// Below this many free ones nothing is accepted, even to be closed: an accepted one takes one first.
    package static let few = 8
    /// Descriptors that are held open for nothing else but to be given up when there is none left.
    package static let spares = 32

    /// From this many free ones down clients are refused: an eighth of the limit, at least 64 and at most 512.
    package static func reserve(limit: Int) -> Int { min(max(limit / 8, 64), 512) }

    package static func admission(of use: DescriptorUse, _ count: DescriptorCount) -> DescriptorAdmission {
        let free = count.free
        let reserve = Self.reserve(limit: count.limit)
        if free < Self.few { return .held }
        return switch use {
        case .clients where free >= reserve: .admitted
        case .clients where free >= reserve / 2: .refused
        case .peers where free >= reserve / 4: .admitted
        case .clients, .peers: .dropped
        }
    }

    /// Whether to speak of a shortage: from the first refusal until there is room for some more, so that a node that is just
    /// full does not say so again and again.
    package static func isShort(was: Bool, _ count: DescriptorCount) -> Bool {
        count.free < Self.reserve(limit: count.limit) + (was ? Self.spares : 0)
    }

    /// Whether the spares should be held now. They go when hardly anything is left, and come back when there is so much
    /// room again that taking them refuses nobody.
    package static func holdsSpares(now holds: Bool, _ count: DescriptorCount) -> Bool {
        holds ? count.free >= Self.few : count.free >= Self.reserve(limit: count.limit) + Self.spares
    }
}
