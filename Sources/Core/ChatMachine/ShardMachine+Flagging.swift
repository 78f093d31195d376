import ChatModel
import ClusterModel

// Reports from a channel to the moderators.

extension ShardMachine {
    /// Reports a message to the moderators. The same reporter's second flag is the first one.
    mutating func flagMessage(
        _ message: MessageID, _ reason: String, _ excerpt: String, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let found = self.find(message, for: actor), !found.mark.isDeleted else { return .refused(.notFound) }
        guard !self.isCongested else { return .refused(.congested) }
        let flag = FlagRecord(
            id: FlagID.of(message, by: actor.user), message: message, author: found.author, reporter: actor.user,
            reason: reason, excerpt: excerpt, at: self.clock, resolution: nil)
        self.send(.fileFlag(flag), to: .directory, &effects)
        return .flagged(flag.id)
    }
}

extension FlagID {
    /// Follows from what is reported and by whom, so that nobody reports a message twice.
    static func of(_ message: MessageID, by reporter: UserID) -> FlagID {
        func lane(_ seed: UInt64) -> UInt64 {
            var hash = ContentHash(seed)
            hash.feed(ContentHash.Scope.flag.rawValue)
            hash.feed(message.channel)
            hash.feed(message.seq)
            hash.feed(reporter)
            return StableHash.mixed(hash.value)
        }
        return FlagID(high: lane(ContentHash.firstLane), low: lane(ContentHash.secondLane))
    }
}
