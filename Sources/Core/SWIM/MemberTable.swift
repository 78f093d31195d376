// Everybody that gossip has heard of, in the order of their ids.

import ClusterModel

struct MemberTable: Sendable {
    struct Row: Sendable {
        var member: GossipMember
        /// Present exactly while the member is suspect.
        var suspicion: Suspicion?
        /// In milliseconds of the host's clock, before its zero for who went earlier; counts only while the member is gone.
        var goneAt: Int64 = 0
    }

    private(set) var rows: [Row] = []

    func index(of id: NodeID) -> Int? {
        let slot = self.slot(for: id)
        return slot < self.rows.count && self.rows[slot].member.id == id ? slot : nil
    }

    subscript(id: NodeID) -> Row? { self.index(of: id).map { self.rows[$0] } }

    mutating func set(_ row: Row) {
        let slot = self.slot(for: row.member.id)
        if slot < self.rows.count && self.rows[slot].member.id == row.member.id {
            self.rows[slot] = row
        } else {
            self.rows.insert(row, at: slot)
        }
    }

    mutating func removeAll(where isOver: (Row) -> Bool) { self.rows.removeAll(where: isOver) }

    private func slot(for id: NodeID) -> Int {
        var low = 0
        var high = self.rows.count
        while low < high {
            let middle = (low + high) / 2
            if self.rows[middle].member.id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
