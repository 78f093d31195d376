import ChatModel
import ClusterModel
import NIOCore
import Placement
import Presence

/// The router's figures; times in their names' units.
package struct RouterSettings: Sendable {
    /// From the arrival of a command until its client is told that no leader answered.
    package var commandDeadline: TimeAmount = .seconds(5)
    /// A command that was never sent anywhere is refused after this long.
    package var parkedMax: TimeAmount = .seconds(2)
    /// A forwarded command without an answer is sent again after this long: a frame may have been dropped.
    package var forwardTimeout: TimeAmount = .seconds(2)
    package var readDeadline: TimeAmount = .seconds(3)
    /// Commands of this node's clients that wait for an answer.
    package var pendingMax = 100_000
    /// A creation whose name stayed reserved for longer is resolved by the leader of the directory.
    package var staleReservationMilliseconds: Int64 = 30_000
    package var presence = PresenceSettings()
    /// What this node does while it leads the directory.
    package var steward = StewardSettings()
    /// From which version on a command may stand in a log; another rule is for tests of upgrades.
    package var introducedIn: @Sendable (Command) -> FeatureVersion = { $0.introducedIn }
    /// The wall clock that stamps commands.
    package var now: @Sendable () -> Timestamp = { .wallClock }
    package var faults: RouterFaults = []

    package init() {}
}

/// Bugs to plant, so that the simulator can show that it would see them. None in a node.
package struct RouterFaults: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A channel that has lost its source is heard again from wherever the next source stands.
    package static let forgetsCursors = RouterFaults(rawValue: 1)
    /// An effect counts as delivered once it is sent.
    package static let effectsDeliveredUnheard = RouterFaults(rawValue: 2)
}
