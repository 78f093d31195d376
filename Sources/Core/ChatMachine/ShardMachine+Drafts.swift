import ChatModel
import ClusterModel

// Texts that wait for their author.

extension ShardMachine {
    /// An empty text removes. The time is the log's.
    mutating func putDraft(_ user: UserID, _ draft: Draft, _ effects: inout ApplyEffects) -> CommandResult {
        guard draft.thread?.seq != 0 else { return .refused(.invalid) }
        guard !draft.text.isEmpty else { return self.removeDraft(user, draft.channel, draft.thread, &effects) }
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        guard self.users.values[index].record.deactivatedAt == nil else { return .refused(.userDeactivated) }
        let mark = DraftMark(
            place: DraftMark.Place(channel: draft.channel, root: draft.thread?.seq ?? 0), at: self.clock)
        let (place, isPresent) = self.users.values[index].extras.drafts.place(of: mark.place, by: \.place)
        if isPresent {
            self.users.values[index].extras.drafts[place] = mark
        } else {
            guard self.users.values[index].extras.drafts.count < UserExtras.draftsMax else { return .refused(.quota) }
            self.users.values[index].extras.drafts.insert(mark, at: place)
        }
        let key = mark.place.recordKey(of: user)
        self.record(.put(kind: .draft, key: key, value: mark.at.encoded), &effects)
        self.record(.keep(.draftText, key: key, value: draft.text.encoded), &effects)
        effects.notices.append((user, .draftUpdated(draft.channel)))
        return .done
    }

    /// What is not there has been removed.
    mutating func removeDraft(_ user: UserID, _ channel: ChannelID, _ thread: MessageID?, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard self.users[user] != nil else { return .refused(.notFound) }
        self.dropDraft(of: user, at: DraftMark.Place(channel: channel, root: thread?.seq ?? 0), &effects)
        return .done
    }

    mutating func dropDraft(of user: UserID, at place: DraftMark.Place, _ effects: inout ApplyEffects) {
        guard let index = self.users.index(forKey: user) else { return }
        let (offset, isPresent) = self.users.values[index].extras.drafts.place(of: place, by: \.place)
        guard isPresent else { return }
        self.users.values[index].extras.drafts.remove(at: offset)
        let key = place.recordKey(of: user)
        self.record(.delete(kind: .draft, key: key), &effects)
        self.record(.drop(.draftText, key: key), &effects)
        effects.notices.append((user, .draftUpdated(place.channel)))
    }

    func draftsAnswer(_ user: UserID) -> MachineAnswer {
        guard let marks = self.users[user]?.extras.drafts else { return .answer(.refused(.notFound)) }
        guard let first = marks.first, let last = marks.last else { return .answer(.drafts([])) }
        let drafts = marks.map { mark in
            let root = mark.place.root == 0 ? nil : MessageID(channel: mark.place.channel, seq: mark.place.root)
            return Draft(channel: mark.place.channel, thread: root, text: "", at: mark.at)
        }
        let page = ItemPage(
            kind: .draftText, from: first.place.recordKey(of: user), to: last.place.recordKey(of: user) + [0],
            limit: UserExtras.draftsMax, isDescending: false)
        return .needsHistory(.items(page, as: .drafts(drafts)))
    }
}

extension DraftMark.Place {
    /// `user · channel · root u64`
    func recordKey(of user: UserID) -> [UInt8] { ItemKey.of(user, draftIn: self.channel, thread: self.root) }

    /// The inverse of `recordKey`; nil for a key that no draft has.
    init?(recordKey key: [UInt8]) {
        guard key.count == 40, let channel: ChannelID = RecordKey.id(key, at: 16) else { return nil }
        self.init(channel: channel, root: key[32..<40].reduce(0) { $0 << 8 | UInt64($1) })
    }
}
