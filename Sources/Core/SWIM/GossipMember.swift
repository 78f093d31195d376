// The nouns of gossip: a member, how it is believed to be, and which of two beliefs is the newer one.

import ClusterModel

/// Counts what a member has said about itself. Only the member raises it: the boot counter with every start, the
/// refutations each time it hears that it is thought suspect or dead.
package struct Incarnation: Hashable, Sendable {
    package let boot: BootCounter
    package let refutations: UInt64

    package init(boot: BootCounter, refutations: UInt64 = 0) {
        self.boot = boot
        self.refutations = refutations
    }

    /// Of a member that is only known by name; every word of its own is newer.
    package static let unheard = Incarnation(boot: .zero)

    /// The next one, newer than both this one and `rumour`. Saturates, since rumours come off the wire.
    func refuting(_ rumour: Incarnation) -> Incarnation {
        let newest = max(self, rumour)
        guard newest.refutations == .max else {
            return Incarnation(boot: newest.boot, refutations: newest.refutations + 1)
        }
        guard newest.boot.rawValue < .max else { return newest }
        return Incarnation(boot: newest.boot.next())
    }
}

extension Incarnation: Comparable {
    package static func < (left: Incarnation, right: Incarnation) -> Bool {
        (left.boot, left.refutations) < (right.boot, right.refutations)
    }
}

extension Incarnation: CustomStringConvertible {
    package var description: String { "\(self.boot).\(self.refutations)" }
}

/// How a member is believed to be. Of two beliefs of one incarnation the later case wins.
package enum MemberStatus: UInt8, Sendable, Hashable, CaseIterable {
    case alive = 1
    /// Did not answer somebody; has seconds to object.
    case suspect = 2
    /// Did not object. Kept as a tombstone, so that old news can not revive it.
    case dead = 3
    /// Said goodbye itself. Kept as a tombstone too.
    case left = 4

    package var isGone: Bool { self == .dead || self == .left }
}

/// One node as gossip knows it.
package struct GossipMember: Hashable, Sendable {
    package let id: NodeID
    package var address: PeerAddress
    package var incarnation: Incarnation
    package var status: MemberStatus

    package init(id: NodeID, address: PeerAddress, incarnation: Incarnation, status: MemberStatus = .alive) {
        self.id = id
        self.address = address
        self.incarnation = incarnation
        self.status = status
    }

    /// Beliefs about one member are totally ordered, so that members that have heard the same agree, in whatever
    /// order they heard it.
    func isNewer(than other: GossipMember) -> Bool {
        (self.incarnation, self.status.rawValue) > (other.incarnation, other.status.rawValue)
    }
}

/// What is told about one member.
package struct Rumour: Hashable, Sendable {
    package let member: GossipMember
    /// Who accuses, where the member is suspect: several accusers shorten the wait.
    package let accuser: NodeID?
    /// How long ago the member went, where it is gone, so that a tombstone ends everywhere at the same time.
    package let goneForMilliseconds: UInt64

    package init(_ member: GossipMember, accuser: NodeID? = nil, goneForMilliseconds: UInt64 = 0) {
        self.member = member
        self.accuser = member.status == .suspect ? accuser : nil
        self.goneForMilliseconds = member.status.isGone ? goneForMilliseconds : 0
    }
}
