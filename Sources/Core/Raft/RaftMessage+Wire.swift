import ClusterModel

// The numbers of the message kinds. A number keeps its meaning for ever; 14 and up are free.
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
    }

    /// Bounds the array that foreign bytes can make us reserve.
    private static let entriesMax = 1 << 16
}

extension RaftMessage: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.to)
        writer.write(self.term)
        writer.write(self.body)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            from: try reader.read(), to: try reader.read(), term: try reader.readTerm(), body: try reader.read())
    }
}

extension RaftMessage.Body: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .preVote(let lastIndex, let lastTerm):
            writer.write(Kind.preVote)
            writer.write(lastIndex)
            writer.write(lastTerm)
        case .preVoteReply(let granted, let asked):
            writer.write(Kind.preVoteReply)
            writer.write(granted)
            writer.write(asked)
        case .vote(let lastIndex, let lastTerm, let isTransfer):
            writer.write(Kind.vote)
            writer.write(lastIndex)
            writer.write(lastTerm)
            writer.write(isTransfer)
        case .voteReply(let granted):
            writer.write(Kind.voteReply)
            writer.write(granted)
        case .append(let previousIndex, let previousTerm, let entries, let commit):
            writer.write(Kind.append)
            writer.write(previousIndex)
            writer.write(previousTerm)
            writer.write(commit)
            writer.write(entries)
        case .appendAccepted(let match):
            writer.write(Kind.appendAccepted)
            writer.write(match)
        case .appendRejected(let previousIndex, let hintIndex, let hintTerm):
            writer.write(Kind.appendRejected)
            writer.write(previousIndex)
            writer.write(hintIndex)
            writer.write(hintTerm)
        case .heartbeat(let commit, let readContext):
            writer.write(Kind.heartbeat)
            writer.write(commit)
            writer.writeVariable(readContext)
        case .heartbeatReply(let readContext):
            writer.write(Kind.heartbeatReply)
            writer.writeVariable(readContext)
        case .commit(let commit):
            writer.write(Kind.commit)
            writer.write(commit)
        case .timeoutNow:
            writer.write(Kind.timeoutNow)
        case .newerTerm:
            writer.write(Kind.newerTerm)
        case .removed(let index):
            writer.write(Kind.removed)
            writer.write(index)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case Kind.preVote:
            self = .preVote(lastIndex: try reader.readIndex(), lastTerm: try reader.readTerm())
        case Kind.preVoteReply:
            self = .preVoteReply(granted: try reader.read(), asked: try reader.readTerm())
        case Kind.vote:
            self = .vote(
                lastIndex: try reader.readIndex(), lastTerm: try reader.readTerm(), isTransfer: try reader.read())
        case Kind.voteReply:
            self = .voteReply(granted: try reader.read())
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
        case Kind.commit:
            self = .commit(try reader.readIndex())
        case Kind.timeoutNow:
            self = .timeoutNow
        case Kind.newerTerm:
            self = .newerTerm
        case Kind.removed:
            self = .removed(at: try reader.readIndex())
        case let kind:
            throw .unknownKind(UInt64(kind), of: "RaftMessage")
        }
    }
}
