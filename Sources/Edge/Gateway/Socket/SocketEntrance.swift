import ChatModel
import ClientProtocol
import ClusterModel

/// What a socket begins with: its `ready`, and where it stands in each channel. Pure.
struct SocketEntrance: Sendable {
    struct Place: Sendable, Hashable {
        let channel: ChannelID
        /// The last event that the client has, so the first that it is given is the next.
        let cursor: UInt64
        let head: UInt64
        let joinedSeq: UInt64
        /// Set when the client can not be brought up event by event: it is told to read the history.
        let resetHead: UInt64?
    }

    let ready: [UInt8]
    let places: [Place]

    init(
        session: SessionID, node: NodeID, user: UserRecord, channels: [ChannelView], muted: Set<ChannelID> = [],
        resume: [ResumePoint],
        missedMax: UInt64, hasPresence: Bool = true
    ) {
        self.ready = ServerFrame.ready(
            session: session, node: node, user: user, channels: channels, muted: muted, hasPresence: hasPresence)
        // Of several entries for one channel the last one holds, as in any JSON object.
        let points = Dictionary(resume.map { ($0.channel, $0.seq) }, uniquingKeysWith: { $1 })
        self.places = channels.compactMap { state in
            guard let member = state.member else { return nil }
            return Place(state, member, resume: points[state.channel.id], missedMax: missedMax)
        }
    }
}

extension SocketEntrance.Place {
    /// From the head on.
    init(_ state: ChannelView, _ member: MemberRecord) {
        self.init(
            channel: state.channel.id, cursor: state.channel.seq, head: state.channel.seq,
            joinedSeq: member.joinedSeq, resetHead: nil)
    }

    fileprivate init(_ state: ChannelView, _ member: MemberRecord, resume: Int64?, missedMax: UInt64) {
        let head = state.channel.seq
        guard let resume else {
            self.init(state, member)
            return
        }
        guard let seq = UInt64(exactly: resume), seq <= head, head - seq <= missedMax else {
            self.init(
                channel: state.channel.id, cursor: head, head: head, joinedSeq: member.joinedSeq, resetHead: head)
            return
        }
        self.init(channel: state.channel.id, cursor: seq, head: head, joinedSeq: member.joinedSeq, resetHead: nil)
    }
}
