import ClusterModel

// The binary forms of queries and their answers.

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
    case user = 32
    case credentials = 33
    case session = 34
    case memberships = 35
    case channel = 64
    case channels = 65
    case members = 66
    case history = 67
    case message = 68
    case events = 69
    case feed = 70
    package static var wireName: StaticStringName { "Query" }
}

extension Query: Wire {
    package var kind: QueryKind {
        switch self {
        case .nameOwner: .nameOwner
        case .listedChannels: .listedChannels
        case .user: .user
        case .credentials: .credentials
        case .session: .session
        case .memberships: .memberships
        case .channel: .channel
        case .channels: .channels
        case .members: .members
        case .history: .history
        case .message: .message
        case .events: .events
        case .feed: .feed
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind)
        switch self {
        case .nameOwner(let name): writer.write(name)
        case .listedChannels(let prefix, let after, let limit):
            writer.write(prefix)
            writer.write(after)
            writer.write(limit)
        case .user(let user), .credentials(let user), .memberships(let user): writer.write(user)
        case .session(let user, let session):
            writer.write(user)
            writer.write(session)
        case .channel(let channel, let viewer):
            writer.write(channel)
            writer.write(viewer)
        case .channels(let channels, let viewer):
            writer.write(channels)
            writer.write(viewer)
        case .members(let channel, let viewer, let after, let limit):
            writer.write(channel)
            writer.write(viewer)
            writer.write(after)
            writer.write(limit)
        case .history(let channel, let viewer, let position, let limit):
            writer.write(channel)
            writer.write(viewer)
            writer.write(position)
            writer.write(limit)
        case .message(let message, let viewer):
            writer.write(message)
            writer.write(viewer)
        case .events(let channel, let viewer, let after, let limit):
            writer.write(channel)
            writer.write(viewer)
            writer.writeVariable(after)
            writer.write(limit)
        case .feed(let channel, let after, let limit):
            writer.write(channel)
            writer.writeVariable(after)
            writer.write(limit)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(QueryKind.self) {
        case .nameOwner: self = .nameOwner(try reader.read())
        case .listedChannels:
            self = .listedChannels(
                prefix: try reader.read(String.self, max: WireLimits.name),
                after: try reader.read(String.self, max: WireLimits.name), limit: try reader.read())
        case .user: self = .user(try reader.read())
        case .credentials: self = .credentials(try reader.read())
        case .session: self = .session(try reader.read(), try reader.read())
        case .memberships: self = .memberships(try reader.read())
        case .channel: self = .channel(try reader.read(), viewer: try reader.read())
        case .channels: self = .channels(try reader.readArray(bytesEach: 16), viewer: try reader.read())
        case .members:
            self = .members(
                try reader.read(), viewer: try reader.read(), after: try reader.readOptional(),
                limit: try reader.read())
        case .history:
            self = .history(
                try reader.read(), viewer: try reader.read(), try reader.read(), limit: try reader.read())
        case .message: self = .message(try reader.read(), viewer: try reader.read())
        case .events:
            self = .events(
                try reader.read(), viewer: try reader.read(), after: try reader.readVariable(),
                limit: try reader.read())
        case .feed:
            self = .feed(try reader.read(), after: try reader.readVariable(), limit: try reader.read())
        }
    }
}

extension QueryAnswer: Wire {
    private enum Kind: UInt8, ByteCoded {
        case refused = 1
        case nameOwner = 2
        case listedChannels = 3
        case user = 4
        case session = 5
        case memberships = 6
        case channel = 7
        case channels = 8
        case members = 9
        case events = 10
        static var wireName: StaticStringName { "QueryAnswer" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .refused(let refusal):
            writer.write(Kind.refused)
            writer.write(refusal)
        case .nameOwner(let owner):
            writer.write(Kind.nameOwner)
            writer.write(owner)
        case .listedChannels(let channels):
            writer.write(Kind.listedChannels)
            writer.write(channels)
        case .user(let user):
            writer.write(Kind.user)
            writer.write(user)
        case .session(let session):
            writer.write(Kind.session)
            writer.write(session)
        case .memberships(let channels):
            writer.write(Kind.memberships)
            writer.write(channels)
        case .channel(let state):
            writer.write(Kind.channel)
            writer.write(state)
        case .channels(let states):
            writer.write(Kind.channels)
            writer.write(states)
        case .members(let members):
            writer.write(Kind.members)
            writer.write(members)
        case .events(let events, let head):
            writer.write(Kind.events)
            writer.write(events)
            writer.writeVariable(head)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .refused: self = .refused(try reader.read())
        case .nameOwner: self = .nameOwner(try reader.readOptional())
        case .listedChannels: self = .listedChannels(try reader.readArray(bytesEach: 17))
        case .user: self = .user(try reader.read())
        case .session: self = .session(try reader.read())
        case .memberships: self = .memberships(try reader.readArray(bytesEach: 16))
        case .channel: self = .channel(try reader.read())
        case .channels: self = .channels(try reader.readArray(bytesEach: 47))
        case .members: self = .members(try reader.readArray(bytesEach: 27))
        case .events: self = .events(try reader.readArray(bytesEach: 44), head: try reader.readVariable())
        }
    }
}
