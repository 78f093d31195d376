// Asking: one member per period, round robin in a shuffled order, first directly, then through others.

import ClusterModel

extension SWIMInstance {
    /// The question under way.
    struct Probe: Sendable {
        let target: NodeID
        let number: ProbeNumber
        /// When others are asked to help; nil once they were.
        var askOthersAt: UInt64?
        let endsAt: UInt64
        var helpers: [NodeID] = []
        /// The helpers that said "it does not answer me either".
        var refusals: [NodeID] = []
    }

    /// A question asked for another member.
    struct Relay: Sendable {
        let number: ProbeNumber
        let target: NodeID
        let asker: GossipMember
        let askersNumber: ProbeNumber
        /// When the asker is told that the target is silent; nil once it was.
        var refuseAt: UInt64?
        let endsAt: UInt64
    }

    mutating func advanceProbe(into effects: inout [SWIMEffect]) {
        if let probe = self.probe {
            if let askOthersAt = probe.askOthersAt, self.clock >= askOthersAt { self.askOthers(into: &effects) }
            if self.clock >= probe.endsAt { self.probeFailed(into: &effects) }
        }
        guard self.probe == nil, self.clock >= self.nextProbeAt, self.own.status == .alive else { return }
        self.nextProbeAt = self.clock + self.probeIntervalMilliseconds
        guard let target = self.nextInRound() else { return }
        let number = self.nextNumber()
        self.probe = Probe(
            target: target.id, number: number, askOthersAt: self.clock + self.probeTimeoutMilliseconds,
            endsAt: self.nextProbeAt)
        self.send(.ping(number), to: target, into: &effects)
    }

    /// Every member is probed once per round, so none waits longer than two rounds (SWIM, section 4.3).
    private mutating func nextInRound() -> GossipMember? {
        for _ in 0..<2 {
            while let id = self.round.popLast() {
                if let member = self.table[id]?.member, !member.status.isGone { return member }
            }
            self.round = self.table.rows.filter { !$0.member.status.isGone }.map(\.member.id)
            self.round.shuffle(using: &self.random)
        }
        return nil
    }

    mutating func nextNumber() -> ProbeNumber {
        self.probeNumber += 1
        return ProbeNumber(self.probeNumber)
    }

    private mutating func askOthers(into effects: inout [SWIMEffect]) {
        guard let probe = self.probe else { return }
        let helpers = self.randomMembers(self.settings.indirectProbes) { $0.status == .alive && $0.id != probe.target }
        self.probe?.askOthersAt = nil
        self.probe?.helpers = helpers.map(\.id)
        for helper in helpers {
            self.send(.pingRequest(probe.number, target: probe.target), to: helper, into: &effects)
        }
    }

    mutating func acknowledged(_ number: ProbeNumber, by sender: NodeID, into effects: inout [SWIMEffect]) {
        if let probe = self.probe, probe.number == number,
            sender == probe.target || probe.helpers.contains(sender)
        {
            self.probe = nil
            self.health.improve()
        } else if let index = self.relays.firstIndex(where: { $0.number == number && $0.target == sender }) {
            let relay = self.relays.remove(at: index)
            self.send(.ack(relay.askersNumber), to: relay.asker, into: &effects)
        }
    }

    mutating func refused(_ number: ProbeNumber, by sender: NodeID) {
        guard let probe = self.probe, probe.number == number, probe.helpers.contains(sender),
            !probe.refusals.contains(sender)
        else { return }
        self.probe?.refusals.append(sender)
    }

    /// Nobody reached the target. Helpers that did not even say so are a sign that this node is the ill one.
    private mutating func probeFailed(into effects: inout [SWIMEffect]) {
        guard let probe = self.probe else { return }
        self.probe = nil
        let missing = probe.helpers.count - probe.refusals.count
        self.health.worsen(by: probe.helpers.isEmpty ? 1 : missing)
        if !self.isMuted { self.accuse(probe.target, into: &effects) }
    }
}

// MARK: - For others

extension SWIMInstance {
    mutating func relay(
        _ number: ProbeNumber, of asker: GossipMember, to target: NodeID, into effects: inout [SWIMEffect]
    ) {
        // Only known members are asked: a message can not make this node dial an address of its choice.
        guard let member = self.table[target]?.member, target != asker.id,
            self.relays.count < self.settings.relaysMax
        else {
            self.send(.nack(number), to: asker, into: &effects)
            return
        }
        let own = self.nextNumber()
        self.relays.append(
            Relay(
                number: own, target: target, asker: asker, askersNumber: number,
                refuseAt: self.clock + self.settings.probeTimeoutMilliseconds,
                endsAt: self.clock + 2 * self.settings.probeIntervalMilliseconds))
        self.send(.ping(own), to: member, into: &effects)
    }

    mutating func endRelays(into effects: inout [SWIMEffect]) {
        guard !self.relays.isEmpty else { return }
        for index in self.relays.indices {
            guard let refuseAt = self.relays[index].refuseAt, self.clock >= refuseAt else { continue }
            self.relays[index].refuseAt = nil
            self.send(.nack(self.relays[index].askersNumber), to: self.relays[index].asker, into: &effects)
        }
        let clock = self.clock
        self.relays.removeAll { clock >= $0.endsAt }
    }
}
