import ChatModel
import ClusterModel

/// What the server says over the socket, each as the payload of one text frame.
package enum ServerFrame {
    package static let heartbeatMilliseconds = 30_000

    package static func ready(
        session: SessionID, node: NodeID, user: UserRecord, channels: [ChannelView], muted: Set<ChannelID> = [],
        hasPresence: Bool = true
    ) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ready")
            writer.field("session_id", session)
            writer.field("node_id", node.description)
            writer.field("heartbeat_ms", Self.heartbeatMilliseconds)
            writer.key("user")
            writer.user(user, view: .full)
            writer.key("channels")
            writer.beginArray()
            for view in channels { writer.sidebarChannel(view, isMuted: muted.contains(view.channel.id)) }
            writer.endArray()
            writer.field("presence", hasPresence)
        }
    }

    // MARK: Answers

    package static func ok(_ ref: FrameRef?) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
        }
    }

    /// The answer to `send`: the message that stands in the log.
    package static func ok(_ ref: FrameRef?, message: DurableEvent) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.key("message")
            writer.message(message, showsClientID: true)
        }
    }

    /// The answer to `fetch`.
    package static func ok(_ ref: FrameRef?, events: [DurableEvent], head: UInt64, viewer: UserID) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.key("events")
            writer.beginArray()
            for event in events { writer.event(event, showsClientID: event.author == viewer) }
            writer.endArray()
            writer.field("seq", head)
        }
    }

    /// The answer to `subscribe`: where each channel's live events begin.
    package static func ok(_ ref: FrameRef?, seqs: [(channel: ChannelID, seq: UInt64)]) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.key("seqs")
            writer.beginObject()
            for entry in seqs {
                writer.key(entry.channel.description)
                writer.value(entry.seq)
            }
            writer.endObject()
        }
    }

    package static func error(_ ref: FrameRef?, _ problem: Problem) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "error")
            writer.ref(ref)
            writer.field("code", problem.code.rawValue)
            writer.field("detail", problem.text)
            if let seconds = problem.retryAfterSeconds { writer.field("retry_after", seconds) }
            guard !problem.errors.isEmpty else { return }
            writer.key("errors")
            writer.beginArray()
            for error in problem.errors {
                writer.beginObject()
                writer.field("field", error.field)
                writer.field("detail", error.detail)
                writer.endObject()
            }
            writer.endArray()
        }
    }

    package static func pong(_ ref: FrameRef?) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "pong")
            writer.ref(ref)
        }
    }

    // MARK: News

    package static func event(_ event: DurableEvent, showsClientID: Bool) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 640)
        writer.event(event, showsClientID: showsClientID)
        return writer.bytes
    }

    /// More was missed than is delivered, or the position was impossible: read the history over REST.
    package static func channelReset(_ channel: ChannelID, head: UInt64) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "channel.reset")
            writer.field("channel_id", channel)
            writer.field("seq", head)
        }
    }

    /// Own membership began. `seq` is that of the own `member.joined`, the channel's too: the next is seq + 1.
    package static func channelJoined(_ view: ChannelView, seq: UInt64) -> [UInt8] {
        var channel = view.channel
        channel.seq = seq
        return JSONWriter.object { writer in
            writer.field("type", "channel.joined")
            writer.field("channel_id", channel.id)
            writer.key("channel")
            writer.sidebarChannel(
                ChannelView(
                    state: ChannelState(channel: channel, member: view.member), extra: view.extra, counts: view.counts),
                isMuted: false)
        }
    }

    package static func channelLeft(_ channel: ChannelID) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "channel.left")
            writer.field("channel_id", channel)
        }
    }

    package static func sessionRevoked(_ session: SessionID) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "session.revoked")
            writer.field("session_id", session)
        }
    }

    /// The node drains: go to another after `delayMilliseconds`.
    package static func reconnect(delayMilliseconds: Int) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "reconnect")
            writer.field("delay_ms", delayMilliseconds)
        }
    }
}

extension JSONWriter {
    /// Echoes the client's `ref`; without one there is no member.
    mutating func ref(_ ref: FrameRef?) {
        guard let ref else { return }
        self.key("ref")
        self.value(ref.value)
    }
}
