import ChatModel
import ClusterModel

// What a person wants to be told at a time.

extension ShardMachine {
    mutating func setReminder(_ user: UserID, _ reminder: Reminder, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    mutating func cancelReminder(_ user: UserID, _ reminder: ReminderID, _ effects: inout ApplyEffects) -> CommandResult
    { .refused(.forbidden) }

    /// A reminder whose time has come. `key` is the timer's.
    mutating func reminderDue(_ key: [UInt8], _ effects: inout ApplyEffects) {}

    func remindersAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
