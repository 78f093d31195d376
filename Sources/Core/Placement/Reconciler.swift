// The memory of the reconciling rule: for how long things have been as they are.

import ClusterModel

/// One leader's view of one group over time. The host keeps one per group that it leads, steps it every 500 ms and
/// at every change of the registry, and drops it when the leadership ends.
package struct Reconciler: Sendable {
    package let settings: ReconcileSettings
    private var keepingUpSince: [ReplicaID: UInt64] = [:]
    private var epoch: RingEpoch?
    private var epochSince: UInt64 = 0

    package init(settings: ReconcileSettings = ReconcileSettings()) {
        self.settings = settings
    }

    /// - Parameter nowMilliseconds: A monotonic clock.
    /// - Returns: The step to propose now. A step that is refused or lost comes again.
    package mutating func step(
        nowMilliseconds now: UInt64, group: GroupView, wish: PlacementWish
    ) -> ReconcileStep {
        self.observe(now, group, wish.epoch)
        return ReconcilePlan(
            group: group, wish: wish, keptUpFor: self.keepingUpSince.mapValues { now > $0 ? now - $0 : 0 },
            epochStableFor: now > self.epochSince ? now - self.epochSince : 0, settings: self.settings
        ).nextStep()
    }

    private mutating func observe(_ now: UInt64, _ group: GroupView, _ epoch: RingEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch
            self.epochSince = now
        }
        var since: [ReplicaID: UInt64] = [:]
        for peer in group.peers where Self.keepsUp(peer, self.settings) {
            since[peer.replica.id] = self.keepingUpSince[peer.replica.id] ?? now
        }
        self.keepingUpSince = since
    }

    /// Has all but a few entries, and has said so just now.
    package static func keepsUp(_ peer: GroupView.Peer, _ settings: ReconcileSettings) -> Bool {
        guard let ago = peer.ackedMillisecondsAgo else { return false }
        return ago <= settings.ackedWithinMilliseconds && peer.lag <= settings.readyLagMax
    }
}
