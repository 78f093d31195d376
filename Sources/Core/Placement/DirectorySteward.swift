// What the leader of the directory does for the nodes: lets joiners in together, gives up who is gone, ends drains.

import ClusterModel

/// What the leader of the directory sees when it looks.
package struct StewardView: Sendable {
    /// A monotonic clock.
    package let nowMilliseconds: UInt64
    /// The wall clock, for the brakes.
    package let wallClock: Timestamp
    package let registry: NodeRegistry
    /// Has the founder's first command been applied? Nobody can serve before.
    package let isInitialised: Bool
    package let directoryVoters: [NodeID]
    /// Nodes whose replica of the directory keeps up.
    package let caughtUp: Set<NodeID>
    /// Which nodes each voter of the directory believes dead, as far as it has answered lately.
    package let deadInViewOf: [NodeID: Set<NodeID>]
    /// Nodes that vote in any group; nil unless the leader of every group has said who its members are.
    package let voting: Set<NodeID>?

    package init(
        nowMilliseconds: UInt64, wallClock: Timestamp, registry: NodeRegistry, isInitialised: Bool,
        directoryVoters: [NodeID], caughtUp: Set<NodeID>, deadInViewOf: [NodeID: Set<NodeID>], voting: Set<NodeID>?
    ) {
        self.nowMilliseconds = nowMilliseconds
        self.wallClock = wallClock
        self.registry = registry
        self.isInitialised = isInitialised
        self.directoryVoters = directoryVoters
        self.caughtUp = caughtUp
        self.deadInViewOf = deadInViewOf
        self.voting = voting
    }
}

/// A command to propose to the directory. One that is lost or refused comes again.
package enum StewardStep: Sendable, Hashable {
    case activate([NodeID])
    case bury(NodeID)
    case remove(NodeID)
}

package struct StewardSettings: Sendable, Hashable {
    /// Joiners wait at most so long for each other, to cost one epoch.
    package var joinBatchMilliseconds: UInt64 = 2_000
    /// Not longer, when nobody else has come for this long.
    package var joinQuietMilliseconds: UInt64 = 1_000
    /// A node is given up after a majority of the directory's voters has believed it dead for so long.
    package var deadAfterMilliseconds: UInt64 = 5 * 60 * 1000
    /// A step that did not come about is proposed again after so long.
    package var retryMilliseconds: UInt64 = 5_000

    package init() {}

    /// How often the voters are asked for their views.
    package var viewMilliseconds: UInt64 { min(5_000, max(250, self.deadAfterMilliseconds / 10)) }
}

/// The rule with its memory. Lives only while this node leads the directory: a new leader counts anew, which errs on the
/// side of patience.
///
/// Gossip informs, the directory decides: what is proposed here is decided once more by apply (the brakes, the state).
package struct DirectorySteward: Sendable {
    package let settings: StewardSettings
    private var joiningSince: [NodeID: UInt64] = [:]
    private var readySince: [NodeID: UInt64] = [:]
    private var deadSince: [NodeID: UInt64] = [:]
    private var proposedAt: [StewardStep: UInt64] = [:]

    package init(settings: StewardSettings = StewardSettings()) { self.settings = settings }

    package mutating func step(_ view: StewardView) -> [StewardStep] {
        self.observe(view)
        var steps: [StewardStep] = []
        if let batch = self.batch(view) { steps.append(.activate(batch)) }
        for node in view.registry.members {
            if self.isGivenUp(node, view) { steps.append(.bury(node.id)) }
            if node.state == .draining, let voting = view.voting, !voting.contains(node.id) {
                steps.append(.remove(node.id))
            }
        }
        return steps.filter { self.isDue($0, view.nowMilliseconds) }
    }

    private mutating func observe(_ view: StewardView) {
        let now = view.nowMilliseconds
        var joining: [NodeID: UInt64] = [:]
        var ready: [NodeID: UInt64] = [:]
        var dead: [NodeID: UInt64] = [:]
        for node in view.registry.members {
            if node.state == .joining {
                joining[node.id] = self.joiningSince[node.id] ?? now
                if node.life.nonce != 0, view.caughtUp.contains(node.id) {
                    ready[node.id] = self.readySince[node.id] ?? now
                }
            }
            if self.isDead(node.id, view) { dead[node.id] = self.deadSince[node.id] ?? now }
        }
        self.joiningSince = joining
        self.readySince = ready
        self.deadSince = dead
        self.proposedAt = self.proposedAt.filter { now - $0.value < self.settings.retryMilliseconds }
    }

    private func isDead(_ node: NodeID, _ view: StewardView) -> Bool {
        let votes = view.directoryVoters.count { view.deadInViewOf[$0]?.contains(node) ?? false }
        return votes > view.directoryVoters.count / 2
    }

    private func isGivenUp(_ node: NodeRecord, _ view: StewardView) -> Bool {
        guard node.state == .active || node.state == .joining, let since = self.deadSince[node.id] else { return false }
        return view.nowMilliseconds - since >= self.settings.deadAfterMilliseconds
            && view.registry.mayBury(node.id, at: view.wallClock)
    }

    /// Who is let in now: all that are ready, once nobody is about to be.
    private func batch(_ view: StewardView) -> [NodeID]? {
        guard view.isInitialised, let first = self.readySince.values.min() else { return nil }
        let now = view.nowMilliseconds
        let isQuiet =
            self.readySince.count == self.joiningSince.count
            && self.joiningSince.values.allSatisfy { now - $0 >= self.settings.joinQuietMilliseconds }
        // The founder has nobody to wait for.
        let isFounding = view.registry.active.isEmpty
        guard isFounding || isQuiet || now - first >= self.settings.joinBatchMilliseconds else { return nil }
        return self.readySince.keys.sorted()
    }

    private mutating func isDue(_ step: StewardStep, _ now: UInt64) -> Bool {
        guard self.proposedAt[step] == nil else { return false }
        self.proposedAt[step] = now
        return true
    }
}
