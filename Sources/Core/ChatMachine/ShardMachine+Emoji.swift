import ChatModel
import ClusterModel

// Names for emoji.

extension ShardMachine {
    static let emojiNamesMax = 6_000

    /// The same name for the same emoji again is the same answer.
    mutating func putEmoji(_ emoji: EmojiRecord, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        if let refusal = self.refusal(of: actor, below: .member) { return .refused(refusal) }
        let (place, isPresent) = self.directory.emojiPlace(of: emoji.name)
        if isPresent {
            let known = self.directory.emoji[place]
            return known.alias.utf8.elementsEqual(emoji.alias.utf8) ? .emoji(known) : .refused(.nameTaken)
        }
        guard self.directory.emoji.count < Self.emojiNamesMax else { return .refused(.quota) }
        self.directory.emoji.insert(emoji, at: place)
        self.record(.put(kind: .emoji, key: Array(emoji.name.utf8), value: emoji.encoded), &effects)
        self.audit("emoji.put", emoji.name, [("alias", emoji.alias)], by: actor.user, &effects)
        return .emoji(emoji)
    }

    /// One that is not there has been removed.
    mutating func removeEmoji(_ name: String, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        if let refusal = self.refusal(of: actor, below: .member) { return .refused(refusal) }
        let (place, isPresent) = self.directory.emojiPlace(of: name)
        guard isPresent else { return .done }
        if self.directory.emoji[place].createdBy != actor.user,
            let refusal = self.refusal(of: actor, below: .moderator)
        {
            return .refused(refusal)
        }
        self.directory.emoji.remove(at: place)
        self.record(.delete(kind: .emoji, key: Array(name.utf8)), &effects)
        self.audit("emoji.remove", name, by: actor.user, &effects)
        return .done
    }

    /// In the order of their names' bytes.
    func emojiAnswer(_ after: String, _ limit: UInt32) -> MachineAnswer {
        var start = 0
        if !after.isEmpty {
            let (place, isPresent) = self.directory.emojiPlace(of: after)
            start = isPresent ? place + 1 : place
        }
        return .answer(.emoji(Array(self.directory.emoji[start...].prefix(Self.page(limit)))))
    }
}

extension DirectoryState {
    private struct NameBytes: Comparable {
        let bytes: [UInt8]
        static func < (left: NameBytes, right: NameBytes) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
    }

    fileprivate func emojiPlace(of name: String) -> (index: Int, isPresent: Bool) {
        self.emoji.place(of: NameBytes(bytes: Array(name.utf8))) { NameBytes(bytes: Array($0.name.utf8)) }
    }

    /// - Returns: false when the name is there already.
    mutating func restore(_ emoji: EmojiRecord) -> Bool {
        let (place, isPresent) = self.emojiPlace(of: emoji.name)
        guard !isPresent else { return false }
        self.emoji.insert(emoji, at: place)
        return true
    }
}
