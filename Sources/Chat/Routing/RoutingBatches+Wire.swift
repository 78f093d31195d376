import ChatModel
import ClusterModel

// The binary forms. Kind numbers are for ever.

extension CommandBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.commands)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(from: try reader.read(), commands: try reader.readArray(bytesEach: 4))
    }

    /// - Parameters:
    ///   - count: how many there are.
    ///   - items: their binary forms, one behind the other.
    package static func encode(from node: NodeID, count: Int, _ items: [UInt8], into writer: inout ByteWriter) {
        writer.write(node)
        writer.writeCount(count)
        items.withUnsafeBytes { writer.append(raw: $0) }
    }
}

extension CommandBatch.Item: Wire {
    package func encode(into writer: inout ByteWriter) {
        Self.encode(self.request, self.shard, into: &writer) { writer in
            switch self.form {
            case .command(let command): writer.write(command)
            case .post(let post): post.encode(into: &writer)
            }
        }
    }

    /// - Parameter command: writes its binary form.
    @inline(__always)
    package static func encode(
        _ request: UInt64, _ shard: ShardID, into writer: inout ByteWriter, _ command: (inout ByteWriter) -> Void
    ) {
        writer.writeVariable(request)
        writer.write(shard)
        command(&writer)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let request = try reader.readVariable()
        let shard: ShardID = try reader.read()
        if let post = ReceivedPost(from: &reader) {
            self.init(request: request, shard: shard, form: .post(post))
        } else {
            self.init(request: request, shard: shard, command: try reader.read())
        }
    }
}

extension ResultBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.results)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(from: try reader.read(), results: try reader.readArray(bytesEach: 2))
    }
}

extension ResultBatch.Item: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.request)
        writer.write(self.outcome)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(request: try reader.readVariable(), outcome: try reader.read())
    }
}

extension ForwardedOutcome: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .applied(let result):
            writer.write(UInt8(1))
            writer.write(result)
        case .notLeader(let leader):
            writer.write(UInt8(2))
            writer.write(leader)
        case .overloaded:
            writer.write(UInt8(3))
        case .storageFull:
            writer.write(UInt8(4))
        case .posted(let seq, let time):
            writer.write(UInt8(5))
            writer.writeVariable(seq)
            writer.write(time)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .applied(try reader.read())
        case 2: self = .notLeader(try reader.readOptional())
        case 3: self = .overloaded
        case 4: self = .storageFull
        case 5: self = .posted(seq: try reader.readVariable(), at: try reader.read())
        case let kind: throw .unknownKind(UInt64(kind), of: "ForwardedOutcome")
        }
    }
}

extension ReadRequest: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.shard)
        writer.write(self.isLocal)
        writer.write(self.query)
        writer.write(self.voucher)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let shard: ShardID = try reader.read()
        let isLocal = try reader.read(Bool.self)
        self.init(
            shard: shard, query: try reader.read(), isLocal: isLocal, voucher: try reader.readOptional())
    }
}

extension ReadReply: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .answer(let answer):
            writer.write(UInt8(1))
            writer.write(answer)
        case .notLeader(let leader):
            writer.write(UInt8(2))
            writer.write(leader)
        case .unavailable:
            writer.write(UInt8(3))
        case .overloaded:
            writer.write(UInt8(4))
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .answer(try reader.read())
        case 2: self = .notLeader(try reader.readOptional())
        case 3: self = .unavailable
        case 4: self = .overloaded
        case let kind: throw .unknownKind(UInt64(kind), of: "ReadReply")
        }
    }
}

extension FeedBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.items)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(from: try reader.read(), items: try reader.readArray(bytesEach: 2))
    }
}

extension InterestChange: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .subscribe(let channel, let seq):
            writer.write(UInt8(1))
            writer.write(channel)
            writer.writeVariable(seq)
        case .unsubscribe(let channel):
            writer.write(UInt8(2))
            writer.write(channel)
        case .watch(let user):
            writer.write(UInt8(3))
            writer.write(user)
        case .unwatch(let user):
            writer.write(UInt8(4))
            writer.write(user)
        case .renew:
            writer.write(UInt8(5))
        case .absentChannel(let channel):
            writer.write(UInt8(6))
            writer.write(channel)
        case .absentUser(let user):
            writer.write(UInt8(7))
            writer.write(user)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .subscribe(try reader.read(), after: try reader.readVariable())
        case 2: self = .unsubscribe(try reader.read())
        case 3: self = .watch(try reader.read())
        case 4: self = .unwatch(try reader.read())
        case 5: self = .renew
        case 6: self = .absentChannel(try reader.read())
        case 7: self = .absentUser(try reader.read())
        case let kind: throw .unknownKind(UInt64(kind), of: "InterestChange")
        }
    }
}

extension InterestBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.changes)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(from: try reader.read(), changes: try reader.readArray(bytesEach: 1))
    }
}
