import ChatModel
import ClusterModel

/// What a user's shard keeps of a person beside its record, sessions and memberships.
///
/// All of it is bounded: one person can not make a shard large.
struct UserExtras: Sendable, Equatable {
    static let draftsMax = 100
    static let scheduledMax = 20
    static let remindersMax = 100

    var profile = ProfileExtra(statusText: "", statusUntil: nil, avatar: nil)
    /// The log index of the last change of what the directory lists; 0 before the first.
    var listingVersion: UInt64 = 0
    /// That of the last standing that the directory told; 0 before the first.
    var standingVersion: UInt64 = 0
    /// nil for who has set nothing.
    var settings: UserSettings?
    /// Where the live sessions were begun, as far as it is known.
    var details: [SessionID: SessionDetail] = [:]
    var inbox = Inbox()
    var keys = RequestKeys()
    /// Sorted by place; the texts are on disk only.
    var drafts: [DraftMark] = []
    /// Sorted by id.
    var scheduled: [ScheduledMessage] = []
    /// Sorted by id.
    var reminders: [Reminder] = []
    var presenceChoice: PresenceChoice?

    /// The record of kind `profileExtra`.
    var profileRecord: [UInt8] {
        var writer = ByteWriter()
        writer.write(self.profile)
        writer.writeVariable(self.listingVersion)
        writer.writeVariable(self.standingVersion)
        return writer.bytes
    }

    mutating func restoreProfile(_ value: [UInt8]) throws(WireError) {
        var reader = ByteReader(value)
        self.profile = try reader.read()
        self.listingVersion = try reader.readVariable()
        self.standingVersion = try reader.readVariable()
        guard reader.isAtEnd else { throw .invalid("profile extra") }
    }
}

/// Where a draft waits, and since when.
struct DraftMark: Sendable, Equatable {
    /// One draft a channel and thread; the root is 0 outside threads.
    struct Place: Sendable, Hashable, Comparable {
        let channel: ChannelID
        let root: UInt64

        static func < (left: Place, right: Place) -> Bool {
            left.channel == right.channel ? left.root < right.root : left.channel < right.channel
        }
    }

    let place: Place
    var at: Timestamp
}

extension ShardMachine {
    /// What follows from all records of users together, once they have been restored. Twice is as once.
    mutating func finishUserExtras() {
        // Records come in the order of their keys; claims are forgotten in that of their times.
        for user in self.users.keys.sorted() {
            guard let index = self.users.index(forKey: user) else { continue }
            self.users.values[index].extras.keys.sort()
        }
    }

    /// - Returns: false for a key that does not fit its kind, or whose user is not there.
    mutating func restoreUserExtra(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        guard let user: UserID = RecordKey.id(key), let index = self.users.index(forKey: user) else { return false }
        switch kind {
        case .profileExtra:
            try self.users.values[index].extras.restoreProfile(value)
            self.setStatusTimer(of: user, at: self.users.values[index].extras.profile.statusUntil)
        case .userSettings:
            self.users.values[index].extras.settings = try UserSettings(encoded: value)
        case .sessionDetail:
            guard key.count == 32, let session: SessionID = RecordKey.id(key, at: 16),
                self.users.values[index].sessions.place(of: session, by: \.id).isPresent
            else { return false }
            self.users.values[index].extras.details[session] = try SessionDetail(encoded: value)
        case .requestKey:
            guard let claim = try RequestKeys.Claim(key: key, value: value) else { return false }
            return self.users.values[index].extras.keys.restore(claim)
        case .draft:
            guard let place = DraftMark.Place(recordKey: key),
                self.users.values[index].extras.drafts.last.map({ $0.place < place }) ?? true
            else { return false }
            self.users.values[index].extras.drafts.append(DraftMark(place: place, at: try Timestamp(encoded: value)))
        case .scheduled:
            let message = try ScheduledMessage(encoded: value)
            guard key == RecordKey.of(user, message.id),
                self.users.values[index].extras.scheduled.last.map({ $0.id < message.id }) ?? true
            else { return false }
            self.users.values[index].extras.scheduled.append(message)
            self.timers.insert(.scheduled, key, due: message.sendAt)
        case .reminder:
            let reminder = try Reminder(encoded: value)
            guard key == RecordKey.of(user, reminder.id),
                self.users.values[index].extras.reminders.last.map({ $0.id < reminder.id }) ?? true
            else { return false }
            self.users.values[index].extras.reminders.append(reminder)
            self.timers.insert(.reminder, key, due: reminder.at)
        case .inbox:
            self.users.values[index].extras.inbox = try Inbox(encoded: value)
        case .presenceChoice:
            let choice = try PresenceChoice(encoded: value)
            self.users.values[index].extras.presenceChoice = choice
            if let until = choice.until { self.timers.insert(.presenceEnd, RecordKey.of(user), due: until) }
        default: return false
        }
        return true
    }

    /// Who a timer of one of a person's things belongs to, and the thing.
    static func owner<ID: PrefixedID>(of key: [UInt8]) -> (user: UserID, id: ID)? {
        guard key.count == 32, let user: UserID = RecordKey.id(key), let id: ID = RecordKey.id(key, at: 16) else {
            return nil
        }
        return (user, id)
    }
}
