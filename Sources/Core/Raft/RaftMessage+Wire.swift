import ClusterModel

// The numbers of the message kinds. A number keeps its meaning for ever; 17 to 127 are free.
extension RaftMessage.Body {
    private enum Kind {
        static let preVote: UInt8 = 1
        static let preVoteReply: UInt8 = 2
        static let vote: UInt8 = 3
        static let voteReply: UInt8 = 4
        static let append: UInt8 = 5
        static let appendAccepted: UInt8 = 6
        static let appendRejected: UInt8 = 7
        static let heartbeat: UInt8 = 8
        static let heartbeatReply: UInt8 = 9
        static let commit: UInt8 = 10
        static let timeoutNow: UInt8 = 11
        static let newerTerm: UInt8 = 12
        static let removed: UInt8 = 13
        static let repairQuery: UInt8 = 14
        static let repairTarget: UInt8 = 15
        static let damagedHeartbeatReply: UInt8 = 16
    }

    /// Bounds the array that foreign bytes can make us reserve.
    private static let entriesMax = 1 << 16
}

// Two forms, for the host to choose. Inside a batch that names both nodes a message is
//
//     kind + 0x80 if an incarnation follows │ [incarnation] │ from id │ to id │ term │ fields of the kind
//
// with every number of variable length: an idle group's heartbeat is about eight bytes. On its own a message
// begins with the two nodes, 32 bytes more.
extension RaftMessage {
    private static let incarnationFollows: UInt8 = 0x80

    /// The form without the nodes, which the reader has to know.
    package func encode(withoutNodesInto writer: inout ByteWriter) {
        let hasIncarnation = self.incarnation != .founding
        writer.write(self.body.kind | (hasIncarnation ? Self.incarnationFollows : 0))
        if hasIncarnation { writer.write(self.incarnation) }
        writer.write(self.from.id)
        writer.write(self.to.id)
        writer.write(self.term)
        self.body.encodeFields(into: &writer)
    }

    /// Reads what `encode(withoutNodesInto:)` wrote.
    package init(
        from reader: inout ByteReader, sender: NodeID, receiver: NodeID
    ) throws(WireError) {
        let kind = try reader.read(UInt8.self)
        let incarnation: GroupIncarnation = kind & Self.incarnationFollows == 0 ? .founding : try reader.read()
        self.init(
            from: Replica(id: try reader.read(), node: sender), to: Replica(id: try reader.read(), node: receiver),
            term: try reader.readTerm(), incarnation: incarnation,
            body: try Body(kind: kind & ~Self.incarnationFollows, from: &reader))
    }
}

extension RaftMessage: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from.node)
        writer.write(self.to.node)
        self.encode(withoutNodesInto: &writer)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let sender: NodeID = try reader.read()
        let receiver: NodeID = try reader.read()
        try self.init(from: &reader, sender: sender, receiver: receiver)
    }
}

extension RaftMessage.Body {
    fileprivate var kind: UInt8 {
        switch self {
        case .preVote: return Kind.preVote
        case .preVoteReply: return Kind.preVoteReply
        case .vote: return Kind.vote
        case .voteReply: return Kind.voteReply
        case .append: return Kind.append
        case .appendAccepted: return Kind.appendAccepted
        case .appendRejected: return Kind.appendRejected
        case .heartbeat: return Kind.heartbeat
        case .heartbeatReply(_, let isDamaged): return isDamaged ? Kind.damagedHeartbeatReply : Kind.heartbeatReply
        case .commit: return Kind.commit
        case .timeoutNow: return Kind.timeoutNow
        case .newerTerm: return Kind.newerTerm
        case .removed: return Kind.removed
        case .repairQuery: return Kind.repairQuery
        case .repairTarget: return Kind.repairTarget
        }
    }

    fileprivate func encodeFields(into writer: inout ByteWriter) {
        switch self {
        case .preVote(let lastIndex, let lastTerm):
            writer.write(lastIndex)
            writer.write(lastTerm)
        case .preVoteReply(let verdict, let asked):
            writer.write(verdict.rawValue)
            writer.write(asked)
        case .vote(let lastIndex, let lastTerm, let isTransfer):
            writer.write(lastIndex)
            writer.write(lastTerm)
            writer.write(isTransfer)
        case .voteReply(let verdict):
            writer.write(verdict.rawValue)
        case .append(let previousIndex, let previousTerm, let entries, let commit):
            writer.write(previousIndex)
            writer.write(previousTerm)
            writer.write(commit)
            writer.write(entries)
        case .appendAccepted(let index), .commit(let index), .removed(let index):
            writer.write(index)
        case .appendRejected(let previousIndex, let hintIndex, let hintTerm):
            writer.write(previousIndex)
            writer.write(hintIndex)
            writer.write(hintTerm)
        case .heartbeat(let commit, let readContext):
            writer.write(commit)
            writer.writeVariable(readContext)
        case .heartbeatReply(let readContext, _):
            writer.writeVariable(readContext)
        case .timeoutNow, .newerTerm:
            break
        case .repairQuery(let number):
            writer.write(number)
        case .repairTarget(let number, let lastIndex):
            writer.write(number)
            writer.write(lastIndex)
        }
    }

    fileprivate init(kind: UInt8, from reader: inout ByteReader) throws(WireError) {
        switch kind {
        case Kind.preVote:
            self = .preVote(lastIndex: try reader.readIndex(), lastTerm: try reader.readTerm())
        case Kind.preVoteReply:
            self = .preVoteReply(try reader.readVerdict(), asked: try reader.readTerm())
        case Kind.vote:
            self = .vote(
                lastIndex: try reader.readIndex(), lastTerm: try reader.readTerm(), isTransfer: try reader.read())
        case Kind.voteReply:
            self = .voteReply(try reader.readVerdict())
        case Kind.append:
            let previousIndex = try reader.readIndex()
            let previousTerm = try reader.readTerm()
            let commit = try reader.readIndex()
            self = .append(
                previousIndex: previousIndex, previousTerm: previousTerm,
                entries: try reader.readArray(bytesEach: 3, max: Self.entriesMax), commit: commit)
        case Kind.appendAccepted:
            self = .appendAccepted(match: try reader.readIndex())
        case Kind.appendRejected:
            self = .appendRejected(
                previousIndex: try reader.readIndex(), hintIndex: try reader.readIndex(),
                hintTerm: try reader.readTerm())
        case Kind.heartbeat:
            self = .heartbeat(commit: try reader.readIndex(), readContext: try reader.readVariable())
        case Kind.heartbeatReply:
            self = .heartbeatReply(readContext: try reader.readVariable())
        case Kind.damagedHeartbeatReply:
            self = .heartbeatReply(readContext: try reader.readVariable(), isDamaged: true)
        case Kind.commit:
            self = .commit(try reader.readIndex())
        case Kind.timeoutNow:
            self = .timeoutNow
        case Kind.newerTerm:
            self = .newerTerm
        case Kind.removed:
            self = .removed(at: try reader.readIndex())
        case Kind.repairQuery:
            self = .repairQuery(try reader.read())
        case Kind.repairTarget:
            self = .repairTarget(try reader.read(), lastIndex: try reader.readIndex())
        default:
            throw .unknownKind(UInt64(kind), of: "RaftMessage")
        }
    }
}

extension ByteReader {
    fileprivate mutating func readVerdict() throws(WireError) -> RaftMessage.Verdict {
        guard let verdict = RaftMessage.Verdict(rawValue: try self.read(UInt8.self)) else { throw .invalid("Verdict") }
        return verdict
    }
}
