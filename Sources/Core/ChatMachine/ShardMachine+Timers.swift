import ChatModel
import ClusterModel

// What happens at a time: the leader proposes that time has passed, the log's clock says what is due by it.

extension ShardMachine {
    /// No command carries out more; what is left is due at once again.
    static let timersADecisionMax = 200

    /// When the leader should propose `timersDue`; nil when nothing waits.
    package var nextTimer: Timestamp? { self.timers.first?.due }

    mutating func timersDue(_ effects: inout ApplyEffects) -> CommandResult {
        var left = Self.timersADecisionMax
        while left > 0, let timer = self.timers.takeFirst(dueBy: self.clock) {
            left -= 1
            // Trimming is far more work than anything else that comes of a timer: one full helping ends the command.
            guard self.fire(timer, &effects) < Self.trimmedADecisionMax else { break }
        }
        return .done
    }

    /// The timer is out of the table: what has to happen again is inserted again.
    ///
    /// - Returns: how many events it has taken out.
    private mutating func fire(_ timer: TimerTable.Timer, _ effects: inout ApplyEffects) -> UInt64 {
        switch timer.kind {
        case .scheduled: self.scheduledDue(timer.key, &effects)
        case .reminder: self.reminderDue(timer.key, &effects)
        case .statusEnd: self.statusEnded(timer.key, &effects)
        case .presenceEnd: self.presenceChoiceEnded(timer.key, &effects)
        case .retention: return self.retentionDue(timer.key, &effects)
        case .redaction: self.redactionDue(timer.key, &effects)
        }
        return 0
    }
}
