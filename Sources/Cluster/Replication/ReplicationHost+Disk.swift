// The shell round the disk watchdog: who must not lead, and what is refused meanwhile.

import ClusterModel
import Logging
import NIOCore
import Placement
import Raft
import WriteAheadLog

/// What the host remembers of its disk between two looks.
struct DiskStanding {
    /// All that the log was given since the start.
    var logBytes: UInt64 = 0
    /// When the log was last told to leave its segment.
    var rolledOverAt: UInt64 = 0
    /// Since when the node steps back; nil while all is well.
    var steppedBackAt: UInt64?
    var leadershipsGivenAt: UInt64 = 0
    private var noRoomAt: UInt64?

    /// A projection or a snapshot could not be written: the disk counts as full for a while.
    mutating func projectionFoundNoRoom(at milliseconds: UInt64) { self.noRoomAt = milliseconds }

    func hasRoom(at milliseconds: UInt64) -> Bool {
        self.noRoomAt.map { milliseconds - min($0, milliseconds) > 3_000 } ?? true
    }
}

extension ReplicationHost {
    /// On the loop, ten times a second.
    func watchDisk() {
        guard let log = self.logStatistics else { return }
        let now = self.milliseconds
        self.disk.logBytes = log.bytes
        let isFull = log.spareFailure != nil || !self.disk.hasRoom(at: now)
        switch self.watchdog.step(DiskCondition(oldestUnsynced: log.oldestUnsynced, isFull: isFull)) {
        case nil: break
        case .stepBack(let state):
            self.statistics.diskSetbacks += 1
            self.disk.steppedBackAt = now
            self.say(state, log)
            self.giveLeadershipsUp(now)
        case .recovered:
            self.disk.steppedBackAt = nil
            self.logger.notice("The disk is well again")
        case .abort(let waited):
            self.stop(.diskStalled(waited))
        }
        if self.disk.steppedBackAt != nil, now - self.disk.leadershipsGivenAt >= 1_000 { self.giveLeadershipsUp(now) }
    }

    private func say(_ state: DiskWatchdog.State, _ log: WALStatistics) {
        switch state {
        case .full:
            let found = log.spareFailure.map { "log: \($0)" } ?? "a projection found no room"
            self.logger.error("The disk is full: leaderships go elsewhere", metadata: ["error": "\(found)"])
        case .stalled, .sound:
            self.logger.error(
                "The disk does not keep up: leaderships go elsewhere",
                metadata: ["wal.waits": "\(log.oldestUnsynced ?? .zero)"])
        }
    }

    private func giveLeadershipsUp(_ now: UInt64) {
        self.disk.leadershipsGivenAt = now
        _ = self.transferLeaderships()
    }

    /// Whether a replica may campaign: not on a disk that is stalled or full, where others could, and not before it
    /// has a state to serve from.
    func mayLead(_ replica: ShardReplica) -> Bool {
        guard !replica.awaitsState else { return false }
        return self.watchdog.state == .sound || !self.hasOtherVoters(replica)
    }

    private func hasOtherVoters(_ replica: ShardReplica) -> Bool {
        replica.raft.configuration.voters.contains { $0.node != self.node }
    }

    /// A leader on a stalled disk that nobody has taken over from falls silent, so that somebody does.
    func isMute(_ replica: ShardReplica) -> Bool {
        guard self.watchdog.state == .stalled, let since = self.disk.steppedBackAt, replica.isLeader else {
            return false
        }
        return self.milliseconds - since >= 1_000 && self.hasOtherVoters(replica)
    }

    /// What a proposal is answered with while the disk is unwell; nil when it may go on.
    func refusalOfDisk(for replica: ShardReplica) -> ProposeOutcome? {
        switch self.watchdog.state {
        case .sound: nil
        case .full: .storageFull
        case .stalled: self.hasOtherVoters(replica) ? .notLeader(nil) : .overloaded
        }
    }

    /// The log takes notes up to this length.
    var noteBytesMax: Int { WALSettings(shardCount: self.shardMap.shardCount + 1).noteBytesMax }

    /// What the watchdog says: for `/ready` and metrics.
    package var diskState: DiskWatchdog.State { self.watchdog.state }
}
