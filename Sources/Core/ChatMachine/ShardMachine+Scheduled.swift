import ChatModel
import ClusterModel

// Messages that wait for their time. The author's shard keeps them and sends them off; the channel's shard decides on
// them as on any message, at the moment at which they come.

extension ShardMachine {
    static let scheduleMillisecondsMax: Int64 = 120 * 86_400_000
    /// Of a text that could not be posted, for the notice of it.
    static let failedTextBytesMax = 200

    /// The same id again is the same message.
    mutating func scheduleMessage(
        _ user: UserID, _ scheduled: ScheduledMessage, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        guard self.users.values[index].record.deactivatedAt == nil else { return .refused(.userDeactivated) }
        let (place, isPresent) = self.users.values[index].extras.scheduled.place(of: scheduled.id, by: \.id)
        if isPresent {
            let known = self.users.values[index].extras.scheduled[place]
            return known.hasBytes(of: scheduled) ? .scheduled(known) : .refused(.alreadyExists)
        }
        guard scheduled.sendAt > self.clock,
            scheduled.sendAt <= self.clock.advanced(byMilliseconds: Self.scheduleMillisecondsMax)
        else { return .refused(.invalid) }
        guard self.users.values[index].extras.scheduled.count < UserExtras.scheduledMax else {
            return .refused(.quota)
        }
        // It is one effect more when its time comes, which nothing holds up then.
        guard !self.isCongested else { return .refused(.congested) }
        self.users.values[index].extras.scheduled.insert(scheduled, at: place)
        let key = RecordKey.of(user, scheduled.id)
        self.record(.put(kind: .scheduled, key: key, value: scheduled.encoded), &effects)
        self.timers.insert(.scheduled, key, due: scheduled.sendAt)
        return .scheduled(scheduled)
    }

    mutating func cancelScheduled(_ user: UserID, _ scheduled: ScheduledID, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        self.takeScheduled(user, scheduled, &effects) == nil ? .refused(.notFound) : .done
    }

    /// A message whose time has come. `key` is the timer's. From here on it can not be cancelled.
    mutating func scheduledDue(_ key: [UInt8], _ effects: inout ApplyEffects) {
        guard let (user, id): (UserID, ScheduledID) = Self.owner(of: key), let role = self.users[user]?.record.role,
            let message = self.takeScheduled(user, id, &effects)
        else { return }
        let author = Actor(user: user, role: role, session: SessionID(high: 0, low: 0))
        self.send(.postScheduled(message, by: author), to: .channel(message.channel), &effects)
    }

    /// The channel's side: posts in the author's name, once, by the key that follows from the id.
    mutating func postScheduled(
        _ message: ScheduledMessage, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = IdempotencyKey(user: actor.user, key: "sch:\(message.id)", fingerprint: 0)
        let result = self.post(message.content, to: message.channel, actor, key, isOwed: true, &effects)
        if case .refused(let refusal) = result {
            self.send(.scheduledFailed(actor.user, message, refusal), to: .user(actor.user), &effects)
        }
        return result
    }

    /// The author's side: the channel refused.
    mutating func scheduledFailed(
        _ user: UserID, _ message: ScheduledMessage, _ refusal: Refusal, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard self.users[user] != nil else { return .refused(.notFound) }
        // No message has the number 0: what is named is the channel.
        self.deliver(
            .scheduledFailed, MessageID(channel: message.channel, seq: 0), from: nil,
            text: message.content.text.prefix(bytes: Self.failedTextBytesMax), at: self.clock, to: user,
            isLoud: false, &effects)
        return .done
    }

    mutating func takeScheduled(
        _ user: UserID, _ id: ScheduledID, _ effects: inout ApplyEffects
    ) -> ScheduledMessage? {
        guard let index = self.users.index(forKey: user) else { return nil }
        let (place, isPresent) = self.users.values[index].extras.scheduled.place(of: id, by: \.id)
        guard isPresent else { return nil }
        let message = self.users.values[index].extras.scheduled.remove(at: place)
        let key = RecordKey.of(user, id)
        self.record(.delete(kind: .scheduled, key: key), &effects)
        self.timers.remove(.scheduled, key, due: message.sendAt)
        return message
    }

    /// In the order of their times.
    func scheduledAnswer(_ user: UserID) -> MachineAnswer {
        guard let scheduled = self.users[user]?.extras.scheduled else { return .answer(.refused(.notFound)) }
        return .answer(.scheduled(scheduled.sorted { ($0.sendAt, $0.id) < ($1.sendAt, $1.id) }))
    }
}

extension String {
    /// Its beginning, without half a code point at the end: where characters end is a matter of Unicode's version, and
    /// apply must not depend on it.
    fileprivate func prefix(bytes count: Int) -> String {
        guard self.utf8.count > count else { return self }
        var text = String.UnicodeScalarView()
        var left = count
        for scalar in self.unicodeScalars {
            left -= scalar.utf8.count
            guard left >= 0 else { break }
            text.append(scalar)
        }
        return String(text)
    }
}
