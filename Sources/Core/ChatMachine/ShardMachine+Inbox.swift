import ChatModel
import ClusterModel

// The notifications of a person. What a message says is never in them: who may read it asks the channel, and who may
// not any more learns nothing.

extension ShardMachine {
    /// These numbers, and all up to and with `through`; unknown ones are ignored.
    mutating func readNotifications(
        _ user: UserID, _ numbers: [UInt64], _ through: UInt64?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        let wanted = numbers + (through.map { self.users.values[index].extras.inbox.unread(through: $0) } ?? [])
        var isChanged = false
        for number in wanted where self.users.values[index].extras.inbox.read(number) {
            self.record(.keep(.notificationRead, key: ItemKey.of(user, number), value: []), &effects)
            isChanged = true
        }
        if isChanged { self.putInbox(of: user, &effects) }
        return .notificationsRead(unread: self.users.values[index].extras.inbox.unread)
    }

    /// Something happened that these people, all of this shard, want to know of. Who is not here or not any more, or
    /// does not want to hear of the channel, is left out.
    mutating func notify(
        _ message: MessageID, _ kind: NotificationKind, _ actor: UserID, _ at: Timestamp, _ users: [UserID],
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        for user in users where user != actor {
            let settings = self.users[user]?.extras.settings ?? .initial
            guard settings.level(in: message.channel) != .none else { continue }
            self.deliver(kind, message, from: actor, text: "", at: at, to: user, isLoud: false, &effects)
        }
        return .done
    }

    /// Puts an entry into the inbox and tells the person's devices of it, unless it wants quiet.
    ///
    /// - Parameter isLoud: quiet does not count: the person itself asked to be told now.
    mutating func deliver(
        _ kind: NotificationKind, _ message: MessageID?, from actor: UserID?, text: String, at: Timestamp,
        to user: UserID, isLoud: Bool, _ effects: inout ApplyEffects
    ) {
        guard let index = self.users.index(forKey: user), self.users.values[index].record.deactivatedAt == nil else {
            return
        }
        let (number, dropped) = self.users.values[index].extras.inbox.append()
        let isQuiet = !isLoud && self.wantsQuiet(user)
        let record = NotificationRecord(
            number: number, kind: kind, message: message, actor: actor, text: text, at: at, isQuiet: isQuiet)
        if let dropped {
            let key = ItemKey.of(user, dropped)
            self.record(.drop(.notification, key: key), &effects)
            self.record(.drop(.notificationRead, key: key), &effects)
        }
        self.record(.keep(.notification, key: ItemKey.of(user, number), value: record.encoded), &effects)
        self.putInbox(of: user, &effects)
        if !isQuiet { effects.notices.append((user, .notificationCreated(record))) }
    }

    private func wantsQuiet(_ user: UserID) -> Bool {
        if self.presenceChoice(of: user)?.status == .dnd { return true }
        return self.users[user]?.extras.settings?.quiet?.covers(self.clock) ?? false
    }

    private mutating func putInbox(of user: UserID, _ effects: inout ApplyEffects) {
        guard let inbox = self.users[user]?.extras.inbox else { return }
        self.record(.put(kind: .inbox, key: RecordKey.of(user), value: inbox.encoded), &effects)
    }

    func notificationsAnswer(
        _ user: UserID, _ kind: NotificationKind?, _ unreadOnly: Bool, _ before: UInt64?, _ limit: UInt32
    ) -> MachineAnswer {
        guard let inbox = self.users[user]?.extras.inbox else { return .answer(.refused(.notFound)) }
        let end = min(before ?? inbox.next, inbox.next)
        guard end > inbox.floor + 1, !unreadOnly || inbox.unread > 0 else {
            return .answer(.notifications([], unread: inbox.unread))
        }
        let page = ItemPage(
            kind: .notification, from: ItemKey.of(user, inbox.floor + 1), to: ItemKey.of(user, end),
            limit: Int(Inbox.entriesMax), isDescending: true)
        return .needsHistory(
            .items(
                page,
                as: .notifications(
                    kind: kind, unreadOnly: unreadOnly, limit: Self.page(limit), unread: inbox.unread)))
    }
}
