// What is due at a time: whoever leads a shard says so to its log.

import ChatModel
import ClusterModel
import Placement
import Replication

/// Shards whose log has been told that time has passed, until it has taken it.
struct TimerWatch {
    private var proposed: Set<ShardID> = []

    /// Whether the log has to be told now; if so it counts as told.
    ///
    /// - Parameters:
    ///   - next: When the shard's first timer is due; nil when it has none.
    ///   - clock: The later of the log's time and this node's, which is what the command will have.
    mutating func takes(_ shard: ShardID, next: Timestamp?, clock: Timestamp) -> Bool {
        guard let next, next <= clock else { return false }
        return self.proposed.insert(shard).inserted
    }

    mutating func finished(_ shard: ShardID) { self.proposed.remove(shard) }
}

extension Router {
    /// One command a shard and turn of this: what it leaves undone is due the next time.
    func proposeTimers() {
        guard self.mayPropose(.timersDue) else { return }
        let now = self.settings.now()
        for shard in self.shardMap.shardsAndDirectory where self.host.isLeader(of: shard) {
            guard let timer = self.host.nextTimer(of: shard),
                self.timers.takes(shard, next: timer.due, clock: max(now, timer.clock))
            else { continue }
            self.host.propose(shard, LoggedCommand(at: now, command: .timersDue)) { _ in
                // Refused or lost: the next turn, or the next leader, finds it due still.
                self.timers.finished(shard)
            }
        }
    }
}
