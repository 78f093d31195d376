import ChatModel
import ClusterModel

// The state from its rows. The records come first, then the channels' heads and keys from the events.

/// Why rows make no state: the file is damaged or from another version. Rebuild it from a peer.
package enum RestoreError: Error, Equatable, Sendable {
    case unreadable(RecordKind, WireError)
    /// A key that does not belong to its kind, or that points to nothing.
    case inconsistent(RecordKind)
    /// A kind of record that this version does not know.
    case unknownKind(UInt8)
}

/// One thing that a projection knows.
package enum StoredRow: Hashable, Sendable {
    case record(RecordKind, key: [UInt8], value: [UInt8])
    /// Neighbouring events, for the channel's index; the runs of a channel come in their order, without a gap.
    case run(ChannelID, first: UInt64, [MessageIndex.Mark])
    /// The key of an event that is not older than `keysForgottenThrough`.
    case key(StoredKey, ChannelID, seq: UInt64, at: Timestamp)
}

extension ShardMachine {
    /// The log's time, and through when keys are forgotten where that is not a day behind it.
    var clockRecord: [UInt8] {
        let isUsual = self.keysForgottenThrough == self.clock.advanced(byMilliseconds: -MessageKeys.lifeMilliseconds)
        return isUsual ? self.clock.encoded : self.clock.encoded + self.keysForgottenThrough.encoded
    }

    private mutating func restoreClock(_ value: [UInt8]) throws(WireError) {
        var reader = ByteReader(value)
        self.clock = try reader.read()
        let usual = self.clock.advanced(byMilliseconds: -MessageKeys.lifeMilliseconds)
        self.keysForgottenThrough = reader.isAtEnd ? usual : min(try reader.read(), usual)
        guard reader.isAtEnd else { throw .invalid("clock") }
    }

    /// Takes rows into a machine that has applied nothing: records in the order of their kinds and keys, then
    /// runs, then keys in the order of their time.
    package mutating func restore(_ row: StoredRow) throws(RestoreError) {
        switch row {
        case .record(let kind, let key, let value):
            do throws(WireError) {
                guard try self.restore(kind, key, value) else { throw .invalid("record") }
            } catch {
                throw error == .invalid("record") ? .inconsistent(kind) : .unreadable(kind, error)
            }
        case .run(let channel, let first, let marks):
            guard let index = self.channels.index(forKey: channel) else { throw .inconsistent(.channel) }
            let last = self.channels.values[index].record.seq
            // The first run of a channel begins where its floor says.
            guard first == last + 1, !marks.isEmpty, first <= UInt64(UInt32.max) else {
                throw .inconsistent(self.channels.values[index].index.isEmpty ? .floor : .channel)
            }
            for mark in marks { self.channels.values[index].index.append(mark) }
            self.channels.values[index].record.seq = first + UInt64(marks.count) - 1
        case .key(let key, let channel, let seq, let at):
            guard at > self.keysForgottenThrough else { return }
            if seq == 1 {
                self.remember(key, Creation(channel: channel, fingerprint: key.fingerprint, at: at))
            } else {
                guard self.messageKeys[key] == nil else { throw .inconsistent(.channel) }
                self.messageKeys.insert(key, seq: seq, at: at)
            }
        }
    }

    /// The last step: where in the log the rows stand. May be taken again, when entries without rows follow.
    package mutating func finishRestoring(appliedIndex: LogIndex, stateHash: UInt64) {
        self.lastApplied = appliedIndex
        self.stateHash = stateHash
        self.finishDirectory()
        self.finishUserExtras()
        self.finishMessageState()
        self.finishChannelExtras()
    }

    /// - Returns: false for a key that does not fit its kind.
    private mutating func restore(_ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]) throws(WireError) -> Bool {
        switch kind {
        case .clock: try self.restoreClock(value)
        case .epoch: self.registry.epoch = try RingEpoch(encoded: value)
        case .node:
            let node = try NodeRecord(encoded: value)
            let (place, isPresent) = self.registry.nodes.place(of: node.id, by: \.id)
            guard !isPresent else { return false }
            self.registry.nodes.insert(node, at: place)
        case .settings:
            var reader = ByteReader(value)
            self.secrets = try reader.read(ClusterSecrets.self)
            self.registration = try reader.read(Registration.self)
        case .name:
            guard RecordKey.name(key) != nil else { return false }
            self.names.set(try NameRecord(encoded: value), for: key)
        case .revokedSession:
            guard let session: SessionID = RecordKey.id(key) else { return false }
            var reader = ByteReader(value)
            _ = try reader.read(UserID.self)
            self.restoreRevocation(session, try reader.read())
        case .user:
            let user = try UserRecord(encoded: value)
            self.users[user.id] = UserEntry(record: user)
        case .abortedUser:
            guard let user: UserID = RecordKey.id(key) else { return false }
            self.abortedUsers.insert(user)
        case .session:
            let session = try SessionRecord(encoded: value)
            guard let index = self.users.index(forKey: session.user) else { return false }
            let (place, isPresent) = self.users.values[index].sessions.place(of: session.id, by: \.id)
            guard !isPresent else { return false }
            self.users.values[index].sessions.insert(session, at: place)
        case .membership:
            let copy = try MembershipCopy(encoded: value)
            guard let user: UserID = RecordKey.id(key), let index = self.users.index(forKey: user) else { return false }
            let (place, isPresent) = self.users.values[index].memberships.place(of: copy.channel, by: \.channel)
            guard !isPresent else { return false }
            self.users.values[index].memberships.insert(copy, at: place)
        case .channel:
            var channel = try ChannelRecord(encoded: value)
            // The runs and the members tell these; the record's are those of when it was written.
            channel.seq = 0
            channel.memberCount = 0
            self.channels[channel.id] = ChannelEntry(record: channel)
        case .abortedChannel:
            guard let channel: ChannelID = RecordKey.id(key) else { return false }
            self.abortedChannels.insert(channel)
        case .member:
            let member = try MemberRecord(encoded: value)
            guard let channel: ChannelID = RecordKey.id(key), let index = self.channels.index(forKey: channel) else {
                return false
            }
            let (place, isPresent) = self.channels.values[index].members.place(of: member.user, by: \.user)
            guard !isPresent else { return false }
            self.channels.values[index].members.insert(member, at: place)
            self.channels.values[index].record.memberCount = UInt64(self.channels.values[index].members.count)
        case .outbox:
            let entry = try OutboxEntry(encoded: value)
            guard self.outbox.last.map({ $0.position < entry.position }) ?? true else { return false }
            self.outbox.append(entry)
        case .inboxMark:
            guard let source = RecordKey.shard(key) else { return false }
            self.inboxMarks[source] = try OutboxPosition(encoded: value)
        case .nodeLife:
            guard let node = RecordKey.node(key) else { return false }
            let (place, isPresent) = self.registry.nodes.place(of: node, by: \.id)
            guard isPresent else { return false }
            self.registry.nodes[place].life = try NodeLife(encoded: value)
        case .account, .invite, .reservation, .workspace, .emoji, .auditHead, .flag:
            return try self.restoreDirectory(kind, key, value)
        case .profileExtra, .userSettings, .sessionDetail, .requestKey, .draft, .scheduled, .reminder, .inbox,
            .presenceChoice:
            return try self.restoreUserExtra(kind, key, value)
        case .channelExtra, .floor, .workspaceCopy:
            return try self.restoreChannelExtra(kind, key, value)
        case .messageState, .reaction, .thread, .follow, .mention, .redaction:
            return try self.restoreMessageState(kind, key, value)
        case .activeVersion: self.registry.activeVersion = try FeatureVersion(encoded: value)
        }
        return true
    }
}
