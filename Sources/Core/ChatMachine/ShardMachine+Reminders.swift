import ChatModel
import ClusterModel

// What a person wants to be told at a time.

extension ShardMachine {
    /// Nobody waits longer.
    static let reminderMillisecondsMax: Int64 = 5 * 366 * 86_400_000

    /// The same id again is the same reminder.
    mutating func setReminder(_ user: UserID, _ reminder: Reminder, _ effects: inout ApplyEffects) -> CommandResult {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        guard self.users.values[index].record.deactivatedAt == nil else { return .refused(.userDeactivated) }
        let (place, isPresent) = self.users.values[index].extras.reminders.place(of: reminder.id, by: \.id)
        if isPresent {
            let known = self.users.values[index].extras.reminders[place]
            return known.hasBytes(of: reminder) ? .reminder(known) : .refused(.alreadyExists)
        }
        guard reminder.at > self.clock,
            reminder.at <= self.clock.advanced(byMilliseconds: Self.reminderMillisecondsMax)
        else { return .refused(.invalid) }
        guard self.users.values[index].extras.reminders.count < UserExtras.remindersMax else {
            return .refused(.quota)
        }
        self.users.values[index].extras.reminders.insert(reminder, at: place)
        let key = RecordKey.of(user, reminder.id)
        self.record(.put(kind: .reminder, key: key, value: reminder.encoded), &effects)
        self.timers.insert(.reminder, key, due: reminder.at)
        return .reminder(reminder)
    }

    mutating func cancelReminder(_ user: UserID, _ reminder: ReminderID, _ effects: inout ApplyEffects) -> CommandResult
    {
        self.takeReminder(user, reminder, &effects) == nil ? .refused(.notFound) : .done
    }

    /// A reminder whose time has come. `key` is the timer's. Who asked to be told is told in quiet hours too.
    mutating func reminderDue(_ key: [UInt8], _ effects: inout ApplyEffects) {
        guard let (user, id): (UserID, ReminderID) = Self.owner(of: key),
            let reminder = self.takeReminder(user, id, &effects)
        else { return }
        self.deliver(
            .reminder, reminder.message, from: nil, text: reminder.text, at: reminder.at, to: user, isLoud: true,
            &effects)
    }

    mutating func takeReminder(_ user: UserID, _ id: ReminderID, _ effects: inout ApplyEffects) -> Reminder? {
        guard let index = self.users.index(forKey: user) else { return nil }
        let (place, isPresent) = self.users.values[index].extras.reminders.place(of: id, by: \.id)
        guard isPresent else { return nil }
        let reminder = self.users.values[index].extras.reminders.remove(at: place)
        let key = RecordKey.of(user, id)
        self.record(.delete(kind: .reminder, key: key), &effects)
        self.timers.remove(.reminder, key, due: reminder.at)
        return reminder
    }

    /// In the order of their times.
    func remindersAnswer(_ user: UserID) -> MachineAnswer {
        guard let reminders = self.users[user]?.extras.reminders else { return .answer(.refused(.notFound)) }
        return .answer(.reminders(reminders.sorted { ($0.at, $0.id) < ($1.at, $1.id) }))
    }
}
