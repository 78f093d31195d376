import ChatModel
import ClusterModel

// How a person wants to be seen.

extension ShardMachine {
    /// Do not disturb or offline until a time; online takes the choice back.
    mutating func choosePresence(_ user: UserID, _ presenceChoice: PresenceChoice, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    /// A choice that is over. `key` is the timer's.
    mutating func presenceChoiceEnded(_ key: [UInt8], _ effects: inout ApplyEffects) {}
}
