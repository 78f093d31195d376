// The news that still have to be told, each a bounded number of times.

import ClusterModel

/// Rumours in the order of how rarely they were told; among equals the newest first.
///
/// Bounded by the number of members: one rumour per member, and while it is suspect one per accuser.
struct GossipQueue: Sendable {
    private struct Item: Sendable {
        let rumour: Rumour
        let byteCount: Int
        let order: UInt64
        var toldCount = 0
    }

    private var items: [Item] = []
    private var order: UInt64 = 0

    var isEmpty: Bool { self.items.isEmpty }
    var count: Int { self.items.count }

    /// Adds news about a member. Older news about it are forgotten; further accusers of one incarnation stand
    /// beside the first.
    mutating func offer(_ rumour: Rumour) {
        self.items.removeAll { item in
            let old = item.rumour
            guard old.member.id == rumour.member.id else { return false }
            let isFurtherAccusation =
                old.member.status == .suspect && rumour.member.status == .suspect
                && old.member.incarnation == rumour.member.incarnation && old.accuser != rumour.accuser
            return !isFurtherAccusation
        }
        self.order += 1
        self.items.append(Item(rumour: rumour, byteCount: rumour.byteCount, order: self.order))
    }

    /// Takes the rumours for one message: at most `bytesMax` bytes, each told at most `toldMax` times in its life.
    /// What is said about the receiver it knows or hears separately; that counts as told.
    mutating func take(bytesMax: Int, countMax: Int, toldMax: Int, for receiver: NodeID) -> [Rumour] {
        guard !self.items.isEmpty else { return [] }
        self.items.sort { ($0.toldCount, $1.order) < ($1.toldCount, $0.order) }
        var taken: [Rumour] = []
        var bytes = 0
        for index in self.items.indices where taken.count < countMax {
            let item = self.items[index]
            if item.rumour.member.id != receiver {
                guard bytes + item.byteCount <= bytesMax else { continue }
                bytes += item.byteCount
                taken.append(item.rumour)
            }
            self.items[index].toldCount += 1
        }
        self.items.removeAll { $0.toldCount >= toldMax }
        return taken
    }
}
