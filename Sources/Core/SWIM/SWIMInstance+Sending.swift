// Sending: every message carries who sends it and as much news as fits.

import ClusterModel

extension SWIMInstance {
    /// - Parameter first: A few rumours that this receiver in particular should hear.
    mutating func send(
        _ kind: SWIMMessage.Kind, to receiver: GossipMember, first: [Rumour] = [], into effects: inout [SWIMEffect]
    ) {
        var rumours = first
        var bytesLeft = self.settings.rumourBytesMax - first.reduce(0) { $0 + $1.byteCount }
        // Who is accused should be the first to hear it, so that it can object (Lifeguard's buddy system).
        if let row = self.table[receiver.id], row.member.status != .alive {
            let accusation = self.rumour(of: row)
            rumours.append(accusation)
            bytesLeft -= accusation.byteCount
        }
        rumours += self.queue.take(
            bytesMax: max(0, bytesLeft), countMax: SWIMMessage.rumoursMax - rumours.count, toldMax: self.toldMax,
            for: receiver.id)
        let message = SWIMMessage(cluster: self.cluster, origin: self.own, kind: kind, rumours: rumours)
        effects.append(.send(message, to: receiver.id, receiver.address))
    }

    mutating func gossipIfDue(into effects: inout [SWIMEffect]) {
        guard !self.queue.isEmpty, self.clock >= self.nextGossipAt else { return }
        self.nextGossipAt = self.clock + self.settings.gossipIntervalMilliseconds
        for member in self.randomMembers(self.settings.gossipFanout, where: { !$0.status.isGone }) {
            self.send(.gossip, to: member, into: &effects)
        }
    }

    /// Grows with the logarithm of the number of members (SWIM, section 4.1).
    private var toldMax: Int {
        var digits = 1
        var rest = (self.table.rows.count + 1) / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        return self.settings.retransmitFactor * digits
    }

    mutating func randomMembers(_ count: Int, where isWanted: (GossipMember) -> Bool) -> [GossipMember] {
        var candidates = self.table.rows.map(\.member).filter(isWanted)
        var chosen: [GossipMember] = []
        while chosen.count < count, !candidates.isEmpty {
            let index = Int.random(in: candidates.indices, using: &self.random)
            chosen.append(candidates[index])
            candidates.swapAt(index, candidates.count - 1)
            candidates.removeLast()
        }
        return chosen
    }
}
