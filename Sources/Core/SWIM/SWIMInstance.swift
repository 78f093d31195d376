// Who answers and who does not: SWIM (Das, Gupta, Motivala, 2002) with the Lifeguard extensions (Dadgar et al., 2017).
//
// Gossip informs and never decides: who *is* a member stands in the directory. A member is
//
//               silent to somebody          silent for 3–9 s
//     alive ─────────────────────▶ suspect ─────────────────▶ dead
//       ▲                             │                        │
//       └──── objects: next incarnation ──────────────────────┘
//
// and `left` from anywhere, by its own word. Beliefs are ordered by (incarnation, status), the newest wins.
//
// The rules stand by family: +Probing (asking), +Rumours (believing), +Syncing (comparing tables), +Sending.

import ClusterModel

/// One node's part in gossip. Pure: time comes in as ticks, chance from the seed, messages leave as effects.
/// One thread at a time steps it.
package struct SWIMInstance: Sendable {
    package let id: NodeID
    package let cluster: ClusterID
    package let settings: SWIMSettings

    var own: GossipMember
    var table = MemberTable()
    var queue = GossipQueue()
    var health: LocalHealth
    var random: SeededGenerator

    /// The host's clock.
    var now: UInt64?
    /// The clock of all timeouts. A tick advances it by a bounded step: time in which this node stood still is no
    /// time in which others were silent.
    var clock: UInt64 = 0
    /// Until then failed probes accuse nobody.
    var mutedUntil: UInt64 = 0
    var nextGossipAt: UInt64 = 0
    var nextSyncAt: UInt64
    var nextReconnectAt: UInt64
    var nextExpiryAt: UInt64 = 0

    var probe: Probe?
    var nextProbeAt: UInt64
    var probeNumber: UInt64 = 0
    /// The members still to be probed in this round, the next one last.
    var round: [NodeID] = []
    var relays: [Relay] = []

    /// - Parameters:
    ///   - own: This node; its incarnation has the boot counter of this start and no refutations.
    ///   - seed: Different on every node and start, so that members do not probe in step.
    package init(self own: GossipMember, cluster: ClusterID, settings: SWIMSettings = SWIMSettings(), seed: UInt64) {
        precondition(own.status == .alive, "a node that starts is \(own.status)")
        self.id = own.id
        self.cluster = cluster
        self.settings = settings
        self.own = own
        self.health = LocalHealth(multiplierMax: settings.healthMultiplierMax)
        self.random = SeededGenerator(seed: seed)
        self.nextProbeAt = UInt64.random(in: 0...settings.probeIntervalMilliseconds, using: &self.random)
        self.nextSyncAt = UInt64.random(in: 0...settings.syncIntervalMilliseconds, using: &self.random)
        self.nextReconnectAt = UInt64.random(in: 0...settings.reconnectIntervalMilliseconds, using: &self.random)
    }

    package mutating func step(_ input: SWIMInput, into effects: inout [SWIMEffect]) {
        let multiplier = self.health.multiplier
        switch input {
        case .tick(let nowMilliseconds): self.tick(nowMilliseconds, into: &effects)
        case .received(let message, let sender): self.received(message, from: sender, into: &effects)
        case .contact(let id, let address): self.contact(id, address, into: &effects)
        case .connectionLost(let id): self.connectionLost(id, into: &effects)
        case .leave: self.leave(into: &effects)
        }
        if self.health.multiplier != multiplier {
            effects.append(.healthChanged(multiplier: Int(self.health.multiplier)))
        }
    }

    /// The same for hosts and tests that do not keep a buffer.
    package mutating func step(_ input: SWIMInput) -> [SWIMEffect] {
        var effects: [SWIMEffect] = []
        self.step(input, into: &effects)
        return effects
    }

    /// Everybody, this node included, in the order of their ids.
    package var members: [GossipMember] {
        var members = self.table.rows.map(\.member)
        members.insert(self.own, at: members.firstIndex { $0.id > self.id } ?? members.count)
        return members
    }

    /// - Returns: nil for a node that gossip has not heard of.
    package subscript(id: NodeID) -> GossipMember? { id == self.id ? self.own : self.table[id]?.member }

    package var healthMultiplier: Int { Int(self.health.multiplier) }
}

// MARK: - Time

extension SWIMInstance {
    private mutating func tick(_ nowMilliseconds: UInt64, into effects: inout [SWIMEffect]) {
        let before = self.now ?? nowMilliseconds
        let now = max(before, nowMilliseconds)
        self.now = now
        if now - before > self.settings.stallMilliseconds { self.stoodStill() }
        self.clock += min(now - before, self.settings.tickAdvanceMaxMilliseconds)

        self.endSuspicions(into: &effects)
        self.endRelays(into: &effects)
        self.advanceProbe(into: &effects)
        self.gossipIfDue(into: &effects)
        self.syncIfDue(into: &effects)
        self.forgetTombstonesIfDue()
    }

    /// The answers that were missed may be waiting behind this tick, and others may have given this node up.
    private mutating func stoodStill() {
        self.health.worsen()
        self.probe = nil
        self.relays.removeAll()
        self.mutedUntil = self.clock + 2 * self.probeIntervalMilliseconds
        self.nextProbeAt = self.clock + self.probeIntervalMilliseconds
        self.nextSyncAt = self.clock
    }

    /// Stretched by this node's own ill health.
    var probeIntervalMilliseconds: UInt64 { self.settings.probeIntervalMilliseconds * self.health.multiplier }
    var probeTimeoutMilliseconds: UInt64 { self.settings.probeTimeoutMilliseconds * self.health.multiplier }
    /// The host's clock, halved in range so that differences with foreign ages can not overflow.
    var signedNow: Int64 { Int64(clamping: min(self.now ?? 0, 1 << 62)) }
    var isMuted: Bool { self.clock < self.mutedUntil }
}

// MARK: - Dispatch

extension SWIMInstance {
    private mutating func received(_ message: SWIMMessage, from sender: NodeID, into effects: inout [SWIMEffect]) {
        guard message.cluster == self.cluster else {
            effects.append(.foreignCluster(message.cluster, from: sender))
            return
        }
        // Nobody speaks for another, and nobody calls itself dead.
        guard message.origin.id == sender, sender != self.id else { return }
        guard message.origin.status == .alive || message.origin.status == .left else { return }

        self.hear(Rumour(message.origin), from: sender, into: &effects)
        for rumour in message.rumours { self.hear(rumour, from: sender, into: &effects) }
        let corrections = self.corrections(of: message.rumours)

        switch message.kind {
        case .ping(let number):
            self.send(.ack(number), to: message.origin, first: corrections, into: &effects)
            return
        case .pingRequest(let number, let target):
            self.relay(number, of: message.origin, to: target, into: &effects)
        case .ack(let number): self.acknowledged(number, by: sender, into: &effects)
        case .nack(let number): self.refused(number, by: sender)
        case .gossip: break
        case .syncRequest(let rumours):
            self.compare(rumours, with: sender, into: &effects)
            self.send(.syncReply(self.everything), to: message.origin, into: &effects)
        case .syncReply(let rumours): self.compare(rumours, with: sender, into: &effects)
        }
        if !corrections.isEmpty { self.send(.gossip, to: message.origin, first: corrections, into: &effects) }
    }

    /// What the sender should know: it accuses members that have objected long since. It was cut off or stood still
    /// when the others told it, and nobody would tell it again.
    private func corrections(of rumours: [Rumour]) -> [Rumour] {
        let outdated = rumours.lazy.filter { rumour in
            guard rumour.member.status == .suspect || rumour.member.status == .dead else { return false }
            guard let known = self.table[rumour.member.id]?.member else { return false }
            return known.status == .alive && known.isNewer(than: rumour.member)
        }
        return outdated.prefix(Self.correctionsMax).compactMap { self.table[$0.member.id].map(self.rumour(of:)) }
    }

    private static let correctionsMax = 4
}
