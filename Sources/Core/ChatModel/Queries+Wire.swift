import ClusterModel

// The binary forms of queries.

extension HistoryPosition: Wire {
    private enum Kind: UInt8, ByteCoded {
        case newest = 1
        case before = 2
        case after = 3
        case around = 4
        static var wireName: StaticStringName { "HistoryPosition" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .newest: writer.write(Kind.newest)
        case .before(let seq):
            writer.write(Kind.before)
            writer.writeVariable(seq)
        case .after(let seq):
            writer.write(Kind.after)
            writer.writeVariable(seq)
        case .around(let seq):
            writer.write(Kind.around)
            writer.writeVariable(seq)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .newest: self = .newest
        case .before: self = .before(try reader.readVariable())
        case .after: self = .after(try reader.readVariable())
        case .around: self = .around(try reader.readVariable())
        }
    }
}

/// The number of a query on the wire.
package enum QueryKind: UInt8, Sendable, Hashable, CaseIterable, ByteCoded {
    case nameOwner = 1
    case listedChannels = 2
    case account = 3
    case accounts = 4
    case invites = 5
    case workspace = 6
    case emoji = 7
    case flags = 8
    case audit = 9
    case user = 32
    case credentials = 33
    case session = 34
    case memberships = 35
    case profile = 36
    case settings = 37
    case sessions = 38
    case notifications = 39
    case drafts = 40
    case scheduled = 41
    case reminders = 42
    case sidebar = 43
    case keyedAnswer = 44
    case channel = 64
    case channels = 65
    case members = 66
    case history = 67
    case message = 68
    case events = 69
    case feed = 70
    case member = 71
    case edits = 72
    case reactions = 73
    case pins = 74
    case thread = 75
    case sharing = 76
    case search = 96
    package static var wireName: StaticStringName { "Query" }

    /// Whose queries share a switch: the numbers of each kind of shard stand together.
    enum Section {
        case directory
        case user
        case channel
    }
    var section: Section {
        switch self.rawValue {
        case ..<32: .directory
        case ..<64: .user
        default: .channel
        }
    }
}

extension Query: Wire {
    package var kind: QueryKind {
        switch self {
        case .nameOwner: .nameOwner
        case .listedChannels: .listedChannels
        case .account: .account
        case .accounts: .accounts
        case .invites: .invites
        case .workspace: .workspace
        case .emoji: .emoji
        case .flags: .flags
        case .audit: .audit
        case .user: .user
        case .credentials: .credentials
        case .session: .session
        case .memberships: .memberships
        case .profile: .profile
        case .settings: .settings
        case .sessions: .sessions
        case .notifications: .notifications
        case .drafts: .drafts
        case .scheduled: .scheduled
        case .reminders: .reminders
        case .sidebar: .sidebar
        case .keyedAnswer: .keyedAnswer
        case .channel: .channel
        case .channels: .channels
        case .members: .members
        case .history: .history
        case .message: .message
        case .events: .events
        case .feed: .feed
        case .member: .member
        case .edits: .edits
        case .reactions: .reactions
        case .pins: .pins
        case .thread: .thread
        case .sharing: .sharing
        case .search: .search
        }
    }

    package func encode(into writer: inout ByteWriter) {
        let kind = self.kind
        writer.write(kind)
        switch kind.section {
        case .directory: self.encodeForDirectory(into: &writer)
        case .user: self.encodeForUser(into: &writer)
        case .channel: self.encodeForChannel(into: &writer)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        let kind = try reader.read(QueryKind.self)
        switch kind.section {
        case .directory: self = try Self.directory(kind, from: &reader)
        case .user: self = try Self.user(kind, from: &reader)
        case .channel: self = try Self.channel(kind, from: &reader)
        }
    }
}
