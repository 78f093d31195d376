import ClusterModel

// The binary forms of what a user's shard is asked.

extension Query {
    /// Behind the number. The other kinds have their own.
    func encodeForUser(into writer: inout ByteWriter) {
        switch self {
        case .user(let user):
            writer.write(user)
        case .credentials(let user):
            writer.write(user)
        case .session(let user, let session):
            writer.write(user)
            writer.write(session)
        case .memberships(let user):
            writer.write(user)
        case .profile(let user):
            writer.write(user)
        case .settings(let user):
            writer.write(user)
        case .sessions(let user):
            writer.write(user)
        case .notifications(let user, let kind, let unreadOnly, let before, let limit):
            writer.write(user)
            writer.write(kind)
            writer.write(unreadOnly)
            writer.write(number: before)
            writer.write(limit)
        case .drafts(let user):
            writer.write(user)
        case .scheduled(let user):
            writer.write(user)
        case .reminders(let user):
            writer.write(user)
        case .sidebar(let user):
            writer.write(user)
        case .keyedAnswer(let key):
            writer.write(key)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func user(_ kind: QueryKind, from reader: inout ByteReader) throws(WireError) -> Query {
        switch kind {
        case .user: return .user(try reader.read())
        case .credentials: return .credentials(try reader.read())
        case .session: return .session(try reader.read(), try reader.read())
        case .memberships: return .memberships(try reader.read())
        case .profile: return .profile(try reader.read())
        case .settings: return .settings(try reader.read())
        case .sessions: return .sessions(try reader.read())
        case .notifications:
            return .notifications(
                try reader.read(), kind: try reader.readOptional(), unreadOnly: try reader.read(),
                before: try reader.readOptionalNumber(), limit: try reader.read())
        case .drafts: return .drafts(try reader.read())
        case .scheduled: return .scheduled(try reader.read())
        case .reminders: return .reminders(try reader.read())
        case .sidebar: return .sidebar(try reader.read())
        case .keyedAnswer: return .keyedAnswer(try reader.read())
        default: throw .unknownKind(UInt64(kind.rawValue), of: QueryKind.wireName)
        }
    }
}
