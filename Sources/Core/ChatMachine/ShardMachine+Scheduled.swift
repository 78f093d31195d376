import ChatModel
import ClusterModel

// Messages that wait for their time.

extension ShardMachine {
    mutating func scheduleMessage(
        _ user: UserID, _ scheduled: ScheduledMessage, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    mutating func cancelScheduled(_ user: UserID, _ scheduled: ScheduledID, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    /// The channel's side: posts in the author's name, once, by the key that follows from the id.
    mutating func postScheduled(
        _ message: ScheduledMessage, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// The author's side: the channel refused.
    mutating func scheduledFailed(
        _ user: UserID, _ id: ScheduledID, _ refusal: Refusal, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// A message whose time has come. `key` is the timer's.
    mutating func scheduledDue(_ key: [UInt8], _ effects: inout ApplyEffects) {}

    func scheduledAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
