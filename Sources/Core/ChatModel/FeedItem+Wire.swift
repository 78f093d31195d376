import ClusterModel

// The binary form of what a replica sends to a node's feed.

extension FeedItem: Wire {
    private enum Kind: UInt8, ByteCoded {
        case event = 1
        case reset = 2
        case notice = 3
        static var wireName: StaticStringName { "FeedItem" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .event(let event):
            writer.write(Kind.event)
            writer.write(event)
        case .reset(let channel, let head):
            writer.write(Kind.reset)
            writer.write(channel)
            writer.writeVariable(head)
        case .notice(let user, let notice):
            writer.write(Kind.notice)
            writer.write(user)
            writer.write(notice)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .event: self = .event(try reader.read())
        case .reset: self = .reset(try reader.read(), head: try reader.readVariable())
        case .notice: self = .notice(try reader.read(), try reader.read())
        }
    }
}
