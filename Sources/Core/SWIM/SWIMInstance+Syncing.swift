// Comparing whole tables: when a node comes, from time to time against lost rumours, and with the dead, who may be back.

import ClusterModel

extension SWIMInstance {
    mutating func contact(_ id: NodeID, _ address: PeerAddress, into effects: inout [SWIMEffect]) {
        guard id != self.id else { return }
        let named = GossipMember(id: id, address: address, incarnation: .unheard)
        if let known = self.table[id] {
            if known.member.incarnation == .unheard, known.member.address != address {
                var row = known
                row.member.address = address
                self.table.set(row)
                effects.append(.changed(row.member, previous: row.member.status))
            }
        } else {
            self.hear(Rumour(named), from: self.id, into: &effects)
        }
        // A known member may have moved; its word from the new address says so.
        self.send(.syncRequest(self.everything), to: named, into: &effects)
    }

    mutating func syncIfDue(into effects: inout [SWIMEffect]) {
        guard self.own.status == .alive else { return }
        if self.clock >= self.nextSyncAt {
            self.nextSyncAt = self.clock + self.settings.syncIntervalMilliseconds
            self.sync(with: self.randomMembers(1) { !$0.status.isGone }, into: &effects)
        }
        if self.clock >= self.nextReconnectAt {
            self.nextReconnectAt = self.clock + self.settings.reconnectIntervalMilliseconds
            self.sync(with: self.randomMembers(1) { $0.status == .dead }, into: &effects)
        }
    }

    private mutating func sync(with members: [GossipMember], into effects: inout [SWIMEffect]) {
        for member in members { self.send(.syncRequest(self.everything), to: member, into: &effects) }
    }

    /// Everything that this node believes, itself first.
    var everything: [Rumour] {
        [Rumour(self.own)] + self.table.rows.map { self.rumour(of: $0) }
    }

    func rumour(of row: MemberTable.Row) -> Rumour {
        Rumour(
            row.member, accuser: row.suspicion?.accusers.first,
            goneForMilliseconds: UInt64(max(0, self.signedNow - row.goneAt)))
    }

    /// Takes over another member's table. Its dead may be the living of a healed partition: who seems well here is
    /// suspected first and may object.
    mutating func compare(_ rumours: [Rumour], with sender: NodeID, into effects: inout [SWIMEffect]) {
        for rumour in rumours {
            var member = rumour.member
            if member.status == .dead, member.id != self.id, let known = self.table[member.id]?.member,
                !known.status.isGone, rumour.member.isNewer(than: known)
            {
                member.status = .suspect
                self.hear(Rumour(member, accuser: sender), from: sender, into: &effects)
            } else {
                self.hear(rumour, from: sender, into: &effects)
            }
        }
    }
}
