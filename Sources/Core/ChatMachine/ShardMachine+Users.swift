import ChatModel
import ClusterModel

// Users and the copies of their memberships.

struct UserEntry: Sendable, Equatable {
    var record: UserRecord
    /// Sorted by id.
    var sessions: [SessionRecord] = []
    /// Sorted by channel; those that ended stay, since an older change may still arrive.
    var memberships: [MembershipCopy] = []
    var extras = UserExtras()
}

/// What the user's shard knows of a membership. The channel's shard is the authority.
struct MembershipCopy: Sendable, Equatable, Wire {
    let channel: ChannelID
    var isMember: Bool
    var version: UInt64

    init(channel: ChannelID, isMember: Bool, version: UInt64) {
        self.channel = channel
        self.isMember = isMember
        self.version = version
    }
    func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.write(self.isMember)
        writer.writeVariable(self.version)
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(channel: try reader.read(), isMember: try reader.read(), version: try reader.readVariable())
    }
}

extension ShardMachine {
    /// The same user again is the same answer: the creation may be repeated by whoever began it.
    mutating func create(_ user: UserRecord, _ effects: inout ApplyEffects) -> CommandResult {
        if self.abortedUsers.contains(user.id) { return .refused(.aborted) }
        if let known = self.users[user.id] {
            return known.record.hasBytes(of: user) ? .user(user) : .refused(.alreadyExists)
        }
        self.users[user.id] = UserEntry(record: user)
        self.record(.put(kind: .user, key: RecordKey.of(user.id), value: user.encoded), &effects)
        return .user(user)
    }

    /// Decides at one place in the log whether the user exists: it does, or it never will.
    mutating func abort(_ user: UserID, _ effects: inout ApplyEffects) -> CommandResult {
        guard self.users[user] == nil else { return .refused(.alreadyExists) }
        guard self.abortedUsers.insert(user).inserted else { return .done }
        self.record(.put(kind: .abortedUser, key: RecordKey.of(user), value: []), &effects)
        return .done
    }

    /// Newer versions win, in whatever order they come.
    mutating func setMembership(
        _ user: UserID, _ channel: ChannelID, _ isMember: Bool, _ version: UInt64, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        let (place, isPresent) = self.users.values[index].memberships.place(of: channel, by: \.channel)
        let copy = MembershipCopy(channel: channel, isMember: isMember, version: version)
        var wasMember = false
        if isPresent {
            let known = self.users.values[index].memberships[place]
            guard version > known.version else { return .done }
            wasMember = known.isMember
            self.users.values[index].memberships[place] = copy
        } else {
            self.users.values[index].memberships.insert(copy, at: place)
        }
        self.record(.put(kind: .membership, key: RecordKey.of(user, channel), value: copy.encoded), &effects)
        if isMember {
            effects.notices.append((user, .channelJoined(channel, seq: version)))
        } else if wasMember {
            effects.notices.append((user, .channelLeft(channel)))
        }
        return .done
    }
}
