import ClusterModel

// The binary forms of what a channel's shard is asked.

extension Query {
    /// Behind the number. The other kinds have their own.
    func encodeForChannel(into writer: inout ByteWriter) {
        switch self {
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
        case .history(let channel, let viewer, let historyPosition, let limit):
            writer.write(channel)
            writer.write(viewer)
            writer.write(historyPosition)
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
        case .member(let channel, let user, let viewer):
            writer.write(channel)
            writer.write(user)
            writer.write(viewer)
        case .edits(let message, let viewer):
            writer.write(message)
            writer.write(viewer)
        case .reactions(let message, let viewer):
            writer.write(message)
            writer.write(viewer)
        case .pins(let channel, let viewer):
            writer.write(channel)
            writer.write(viewer)
        case .thread(let message, let viewer, let after, let limit):
            writer.write(message)
            writer.write(viewer)
            writer.writeVariable(after)
            writer.write(limit)
        case .sharing(let channels, let users, let viewer):
            writer.write(channels)
            writer.write(users)
            writer.write(viewer)
        case .search(let shard, let searchRequest, let viewer):
            writer.write(shard)
            writer.write(searchRequest)
            writer.write(viewer)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func channel(_ kind: QueryKind, from reader: inout ByteReader) throws(WireError) -> Query {
        switch kind {
        case .channel: return .channel(try reader.read(), viewer: try reader.read())
        case .channels: return .channels(try reader.readArray(bytesEach: 16), viewer: try reader.read())
        case .members:
            return .members(
                try reader.read(), viewer: try reader.read(), after: try reader.readOptional(), limit: try reader.read()
            )
        case .history:
            return .history(try reader.read(), viewer: try reader.read(), try reader.read(), limit: try reader.read())
        case .message: return .message(try reader.read(), viewer: try reader.read())
        case .events:
            return .events(
                try reader.read(), viewer: try reader.read(), after: try reader.readVariable(), limit: try reader.read()
            )
        case .feed: return .feed(try reader.read(), after: try reader.readVariable(), limit: try reader.read())
        case .member: return .member(try reader.read(), try reader.read(), viewer: try reader.read())
        case .edits: return .edits(try reader.read(), viewer: try reader.read())
        case .reactions: return .reactions(try reader.read(), viewer: try reader.read())
        case .pins: return .pins(try reader.read(), viewer: try reader.read())
        case .thread:
            return .thread(
                try reader.read(), viewer: try reader.read(), after: try reader.readVariable(), limit: try reader.read()
            )
        case .sharing:
            return .sharing(
                try reader.readArray(bytesEach: 16), try reader.readArray(bytesEach: 16), viewer: try reader.read())
        case .search: return .search(try reader.read(), try reader.read(), viewer: try reader.read())
        default: throw .unknownKind(UInt64(kind.rawValue), of: QueryKind.wireName)
        }
    }
}
