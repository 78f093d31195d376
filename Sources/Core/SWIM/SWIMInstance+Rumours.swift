// Believing: what a rumour changes, and what this node answers to rumours about itself.

import ClusterModel

extension SWIMInstance {
    mutating func hear(_ rumour: Rumour, from sender: NodeID, into effects: inout [SWIMEffect]) {
        if rumour.member.id == self.id {
            self.hearOfMyself(rumour.member, into: &effects)
        } else if let row = self.table[rumour.member.id] {
            if rumour.member.isNewer(than: row.member) {
                self.believe(rumour, instead: row.member, from: sender, into: &effects)
            } else if rumour.member.status == .suspect, rumour.member.incarnation == row.member.incarnation {
                self.confirm(rumour, into: &effects)
            }
        } else if self.table.rows.count < SWIMMessage.membersMax - 1, !self.isExpired(rumour) {
            self.believe(rumour, instead: nil, from: sender, into: &effects)
        }
    }

    /// Accuses a member in this node's own name.
    mutating func accuse(_ id: NodeID, into effects: inout [SWIMEffect]) {
        guard var member = self.table[id]?.member, !member.status.isGone else { return }
        member.status = .suspect
        self.hear(Rumour(member, accuser: self.id), from: self.id, into: &effects)
    }

    mutating func connectionLost(_ id: NodeID, into effects: inout [SWIMEffect]) {
        guard !self.isMuted, self.table[id]?.member.status == .alive else { return }
        self.accuse(id, into: &effects)
    }

    private mutating func believe(
        _ rumour: Rumour, instead old: GossipMember?, from sender: NodeID, into effects: inout [SWIMEffect]
    ) {
        let member = rumour.member
        var row = MemberTable.Row(member: member)
        switch member.status {
        case .alive: break
        case .suspect:
            row.suspicion = Suspicion(
                startedAt: self.clock, confirmationsWanted: self.possibleConfirmations(of: member.id),
                accuser: rumour.accuser ?? sender)
        case .dead, .left:
            let goneFor = min(rumour.goneForMilliseconds, self.settings.tombstoneMilliseconds)
            row.goneAt = self.signedNow - Int64(clamping: goneFor)
        }
        self.table.set(row)
        if old == nil, !member.status.isGone { self.joinRound(member.id) }
        self.queue.offer(rumour)
        if old?.status != member.status || old?.address != member.address
            || old?.incarnation.boot != member.incarnation.boot
        {
            effects.append(.changed(member, previous: old?.status))
        }
    }

    /// New members are probed at a random place of the round that is under way.
    private mutating func joinRound(_ id: NodeID) {
        self.round.insert(id, at: Int.random(in: 0...self.round.count, using: &self.random))
    }

    private mutating func confirm(_ rumour: Rumour, into effects: inout [SWIMEffect]) {
        guard let accuser = rumour.accuser, accuser != rumour.member.id,
            var row = self.table[rumour.member.id], row.suspicion?.confirm(by: accuser) == true
        else { return }
        self.table.set(row)
        self.queue.offer(rumour)
    }

    /// Everybody but this node and the suspect could confirm.
    private func possibleConfirmations(of suspect: NodeID) -> Int {
        let others = self.table.rows.count { !$0.member.status.isGone && $0.member.id != suspect }
        return min(self.settings.confirmationsMax, others)
    }

    mutating func endSuspicions(into effects: inout [SWIMEffect]) {
        for row in self.table.rows {
            guard let suspicion = row.suspicion else { continue }
            let waited = self.clock - suspicion.startedAt
            let timeout = suspicion.timeoutMilliseconds(self.settings)
            if waited >= timeout {
                var member = row.member
                member.status = .dead
                self.hear(Rumour(member), from: self.id, into: &effects)
            } else if waited >= timeout / 2, !suspicion.wasAppealed {
                self.appeal(row, into: &effects)
            }
        }
    }

    /// Asks the suspect itself before time is up: rumours reach almost everybody, so now and then somebody misses an
    /// objection. The answer carries it, whatever probe it belongs to.
    private mutating func appeal(_ row: MemberTable.Row, into effects: inout [SWIMEffect]) {
        var row = row
        row.suspicion?.wasAppealed = true
        self.table.set(row)
        self.send(.ping(self.nextNumber()), to: row.member, into: &effects)
    }
}

// MARK: - This node itself

extension SWIMInstance {
    private mutating func hearOfMyself(_ rumour: GossipMember, into effects: inout [SWIMEffect]) {
        guard self.own.status == .alive, rumour.isNewer(than: self.own) else { return }
        if rumour.incarnation.boot > self.own.incarnation.boot { effects.append(.rivalBoot(rumour.incarnation)) }
        // News without an accusation can only be an echo of a rival; it must be outbid all the same, or nobody
        // would believe this node's next objection.
        self.own.incarnation = self.own.incarnation.refuting(rumour.incarnation)
        if rumour.status == .suspect || rumour.status == .dead { self.health.worsen() }
        // Nobody has told news to the dead.
        if rumour.status == .dead { self.nextSyncAt = self.clock }
        self.queue.offer(Rumour(self.own))
        effects.append(.refuted(self.own.incarnation))
    }

    /// Tells everybody at once rather than by hearsay: the process is about to end.
    mutating func leave(into effects: inout [SWIMEffect]) {
        guard self.own.status == .alive else { return }
        self.own.status = .left
        self.probe = nil
        self.queue.offer(Rumour(self.own))
        for row in self.table.rows where !row.member.status.isGone {
            self.send(.gossip, to: row.member, into: &effects)
        }
    }
}

// MARK: - Tombstones

extension SWIMInstance {
    private func isExpired(_ rumour: Rumour) -> Bool {
        rumour.member.status.isGone && rumour.goneForMilliseconds >= self.settings.tombstoneMilliseconds
    }

    mutating func forgetTombstonesIfDue() {
        guard self.clock >= self.nextExpiryAt else { return }
        self.nextExpiryAt = self.clock + 10_000
        let oldest = self.signedNow - Int64(clamping: self.settings.tombstoneMilliseconds)
        self.table.removeAll { $0.member.status.isGone && $0.goneAt <= oldest }
    }
}
