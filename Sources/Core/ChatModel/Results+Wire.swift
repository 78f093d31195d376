import ClusterModel

// The binary forms of results, as they travel from a shard's leader to the node that asked.

extension Refusal: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(UInt64(self.rawValue)) }
    package init(from reader: inout ByteReader) throws(WireError) {
        let raw = try reader.readVariable()
        guard let value = UInt16(exactly: raw).flatMap(Refusal.init(rawValue:)) else {
            throw .unknownKind(raw, of: "Refusal")
        }
        self = value
    }
}

extension CommandResult: Wire {
    private enum Kind: UInt8, ByteCoded {
        case done = 1
        case refused = 2
        case reserved = 3
        case user = 4
        case session = 5
        case channel = 6
        case membership = 7
        case message = 8
        case account = 9
        case invite = 10
        case workspace = 11
        case flag = 12
        case profile = 13
        case settings = 14
        case keyed = 15
        case scheduled = 16
        case reminder = 17
        case notificationsRead = 18
        case view = 19
        case reactions = 20
        case opened = 21
        case read = 22
        case thread = 23
        case flagged = 24
        case emoji = 25
        case channelView = 26
        static var wireName: StaticStringName { "CommandResult" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .done: writer.write(Kind.done)
        case .refused(let refusal):
            writer.write(Kind.refused)
            writer.write(refusal)
        case .reserved(let role):
            writer.write(Kind.reserved)
            writer.write(role)
        case .user(let user):
            writer.write(Kind.user)
            writer.write(user)
        case .session(let session):
            writer.write(Kind.session)
            writer.write(session)
        case .channel(let channel):
            writer.write(Kind.channel)
            writer.write(channel)
        case .membership(let channel, let seq):
            writer.write(Kind.membership)
            writer.write(channel)
            writer.writeVariable(seq)
        case .message(let durableEvent):
            writer.write(Kind.message)
            writer.write(durableEvent)
        case .account(let account):
            writer.write(Kind.account)
            writer.write(account)
        case .invite(let invite):
            writer.write(Kind.invite)
            writer.write(invite)
        case .workspace(let workspace):
            writer.write(Kind.workspace)
            writer.write(workspace)
        case .flag(let flag):
            writer.write(Kind.flag)
            writer.write(flag)
        case .profile(let user, let profileExtra):
            writer.write(Kind.profile)
            writer.write(user)
            writer.write(profileExtra)
        case .settings(let user):
            writer.write(Kind.settings)
            writer.write(user)
        case .keyed(let isComplete):
            writer.write(Kind.keyed)
            writer.write(isComplete)
        case .scheduled(let scheduled):
            writer.write(Kind.scheduled)
            writer.write(scheduled)
        case .reminder(let reminder):
            writer.write(Kind.reminder)
            writer.write(reminder)
        case .notificationsRead(let unread):
            writer.write(Kind.notificationsRead)
            writer.write(unread)
        case .view(let messageView):
            writer.write(Kind.view)
            writer.write(messageView)
        case .reactions(let reactionGroups):
            writer.write(Kind.reactions)
            writer.write(reactionGroups)
        case .opened(let channel, let isNew):
            writer.write(Kind.opened)
            writer.write(channel)
            writer.write(isNew)
        case .read(let readState):
            writer.write(Kind.read)
            writer.write(readState)
        case .thread(let threadSummary, let threadState):
            writer.write(Kind.thread)
            writer.write(threadSummary)
            writer.write(threadState)
        case .flagged(let flag):
            writer.write(Kind.flagged)
            writer.write(flag)
        case .emoji(let emoji):
            writer.write(Kind.emoji)
            writer.write(emoji)
        case .channelView(let channelView):
            writer.write(Kind.channelView)
            writer.write(channelView)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .done: self = .done
        case .refused: self = .refused(try reader.read())
        case .reserved: self = .reserved(try reader.read())
        case .user: self = .user(try reader.read())
        case .session: self = .session(try reader.read())
        case .channel: self = .channel(try reader.read())
        case .membership: self = .membership(try reader.read(), seq: try reader.readVariable())
        case .message: self = .message(try reader.read())
        case .account: self = .account(try reader.read())
        case .invite: self = .invite(try reader.read())
        case .workspace: self = .workspace(try reader.read())
        case .flag: self = .flag(try reader.read())
        case .profile: self = .profile(try reader.read(), try reader.read())
        case .settings: self = .settings(try reader.read())
        case .keyed: self = .keyed(isComplete: try reader.read())
        case .scheduled: self = .scheduled(try reader.read())
        case .reminder: self = .reminder(try reader.read())
        case .notificationsRead: self = .notificationsRead(unread: try reader.read())
        case .view: self = .view(try reader.read())
        case .reactions: self = .reactions(try reader.readArray(bytesEach: 6))
        case .opened: self = .opened(try reader.read(), isNew: try reader.read())
        case .read: self = .read(try reader.read())
        case .thread: self = .thread(try reader.read(), try reader.read())
        case .flagged: self = .flagged(try reader.read())
        case .emoji: self = .emoji(try reader.read())
        case .channelView: self = .channelView(try reader.read())
        }
    }
}

extension ChannelState: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.write(self.member)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(channel: try reader.read(), member: try reader.readOptional())
    }
}

extension ListedChannel: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.name)
        writer.write(self.id)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(name: try reader.read(String.self, max: WireLimits.name), id: try reader.read())
    }
}
