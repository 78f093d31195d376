import ChatModel
import ClusterModel

// What a client says over the socket.

/// The client's own name for a request, echoed in its answer: any JSON string or number.
package struct FrameRef: Sendable, Hashable {
    package let value: JSONValue

    package init?(_ value: JSONValue?) {
        switch value {
        case .string, .integer, .number: self.value = value ?? .null
        case .null, .bool, .array, .object, nil: return nil
        }
    }
}

/// Where a client stood in a channel when its last socket ended.
package struct ResumePoint: Sendable, Hashable {
    package let channel: ChannelID
    /// As the client said, so it may lie below 0 or beyond the head: both are answered by `channel.reset`.
    package let seq: Int64

    package init(channel: ChannelID, seq: Int64) {
        self.channel = channel
        self.seq = seq
    }
}

/// What is asked for with a new message, over the socket or REST.
package struct MessageDraft: Sendable, Hashable {
    package let channel: ChannelID
    package let content: MessageContent

    package init(channel: ChannelID, content: MessageContent) {
        self.channel = channel
        self.content = content
    }

    /// What the idempotency table remembers it by.
    package var fingerprint: UInt64 {
        var fingerprint = RequestFingerprint()
        fingerprint.combine(self.channel.description)
        fingerprint.combine(self.content.text)
        fingerprint.combine(self.content.thread?.description ?? "")
        if !self.content.attachments.isEmpty { fingerprint.combine(self.content.attachments) }
        return fingerprint.value
    }

    /// The command that carries the draft out. The client id is the key; without one `key` is, if there is one.
    package func command(by actor: Actor, key: String? = nil) -> Command {
        let key = (self.content.clientID ?? key).map {
            IdempotencyKey(user: actor.user, key: $0, fingerprint: self.fingerprint)
        }
        return .postMessage(self.channel, self.content, by: actor, key)
    }
}

package enum ClientFrame: Sendable, Hashable {
    case auth(token: String, resume: [ResumePoint])
    case ping
    case send(MessageDraft)
    case fetch(ChannelID, after: UInt64, limit: UInt32)
    case subscribe([ChannelID])
    case unsubscribe([ChannelID])
    case edit(MessageID, text: String)
    case delete(MessageID)
    case react(MessageID, emoji: String)
    case unreact(MessageID, emoji: String)
    case typingStart(ChannelID)
    case typingStop(ChannelID)
    /// The own read marker moves to `seq`, never back.
    case read(ChannelID, seq: UInt64)
    case presenceSet(PresenceChoice)
    /// Replaces the set of those whose presence is told.
    case presenceWatch([UserID])

    /// What a frame turned out to be.
    package enum Parsed: Sendable, Hashable {
        case frame(ClientFrame, FrameRef?)
        /// Well-formed but refused: answer `error`, keep the socket.
        case refused(Problem, FrameRef?)
        /// Not JSON or no object: close 4400.
        case malformed(JSONError?)
    }

    /// At most this many channels in one `subscribe` or `unsubscribe`.
    package static let channelsMax = 1_000
    package static let fetchLimitMax: Int64 = 200
    /// At most this many people in one `presence.watch`.
    package static let watchedMax = 1_000

    package static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Parsed {
        let object: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONValue(parsing: bytes).asObject else { return .malformed(nil) }
            object = parsed
        } catch {
            return .malformed(error)
        }
        return Self.parse(object)
    }

    package static func parse(_ bytes: [UInt8]) -> Parsed {
        bytes.withUnsafeBufferPointer { Self.parse($0) }
    }

    /// Longer than any type that there is.
    private static let typeBytesMax = 32

    private static func parse(_ object: JSONObject) -> Parsed {
        let ref = FrameRef(object["ref"])
        var fields = FieldReader(object)
        let frame: ClientFrame?
        guard let type = object["type"]?.asString else {
            return .refused(Problem([FieldError(field: "type", detail: "must be a string")]), ref)
        }
        // Comparing strings takes quadratic time where they are full of combining marks.
        guard type.utf8.count <= Self.typeBytesMax else { return .refused(Problem(.unknownType), ref) }
        switch type {
        case "send": frame = MessageDraft(&fields).map { .send($0) }
        case "ping": frame = .ping
        case "fetch": frame = Self.fetch(&fields)
        case "subscribe": frame = Self.channels(&fields).map { .subscribe($0) }
        case "unsubscribe": frame = Self.channels(&fields).map { .unsubscribe($0) }
        case "auth": frame = Self.auth(&fields)
        case "edit", "delete", "react", "unreact":
            frame = Self.messageChange(&fields)
        case "typing.start": frame = fields.channelID("channel_id").map { .typingStart($0) }
        case "typing.stop": frame = fields.channelID("channel_id").map { .typingStop($0) }
        case "read": frame = Self.read(&fields)
        case "presence.set": frame = Self.presence(&fields)
        case "presence.watch": frame = Self.watched(&fields)
        default: return .refused(Problem(.unknownType), ref)
        }
        if let problem = fields.problem { return .refused(problem, ref) }
        guard let frame else { return .refused(Problem(.invalid), ref) }
        return .frame(frame, ref)
    }

    private static func auth(_ fields: inout FieldReader) -> ClientFrame? {
        guard let token = fields.string("token") else { return nil }
        var resume: [ResumePoint] = []
        switch fields.object["resume"] {
        case nil, .null: break
        case .object(let points):
            for point in points.members {
                let seq: Int64
                switch point.value {
                case .integer(let integer): seq = integer
                // Too large for an integer is beyond every head.
                case .number(let number): seq = number < 0 ? -1 : Int64(exactly: number.rounded(.down)) ?? .max
                default:
                    fields.refuse("resume", "must name sequence numbers")
                    continue
                }
                // An id that is none is a channel that one is not in: ignored.
                guard let channel = ChannelID(frameText: point.name) else { continue }
                resume.append(ResumePoint(channel: channel, seq: seq))
            }
        default: fields.refuse("resume", "must be an object")
        }
        return .auth(token: token, resume: resume)
    }

    private static func fetch(_ fields: inout FieldReader) -> ClientFrame? {
        let channel = fields.channelID("channel_id")
        let after = fields.integer("after", in: 0...Int64.max, default: 0)
        let limit = fields.integer("limit", in: 1...Self.fetchLimitMax, default: 50)
        guard let channel, let after, let limit else { return nil }
        return .fetch(channel, after: UInt64(after), limit: UInt32(limit))
    }

    private static func messageChange(_ fields: inout FieldReader) -> ClientFrame? {
        let message = fields.messageID("message_id")
        switch fields.object["type"] {
        case .string("delete"): return message.map { .delete($0) }
        case .string("edit"):
            guard let text = fields.string("text", .messageText), let message else { return nil }
            return .edit(message, text: text)
        case .string("react"):
            guard let emoji = fields.addableEmoji("emoji"), let message else { return nil }
            return .react(message, emoji: emoji)
        default:
            guard let emoji = fields.emoji("emoji"), let message else { return nil }
            return .unreact(message, emoji: emoji)
        }
    }

    private static func read(_ fields: inout FieldReader) -> ClientFrame? {
        let channel = fields.channelID("channel_id")
        let seq = fields.requiredInteger("seq", in: 0...Int64.max)
        guard let channel, let seq else { return nil }
        return .read(channel, seq: UInt64(seq))
    }

    private static func presence(_ fields: inout FieldReader) -> ClientFrame? {
        PresenceChoice(&fields).map { .presenceSet($0) }
    }

    /// Ids that are none are left out, as people are whom one does not see.
    private static func watched(_ fields: inout FieldReader) -> ClientFrame? {
        Self.texts("user_ids", atMost: Self.watchedMax, &fields).map {
            .presenceWatch($0.compactMap { UserID($0) })
        }
    }

    /// Ids that are none are left out, as channels are that one is not in.
    private static func channels(_ fields: inout FieldReader) -> [ChannelID]? {
        Self.texts("channel_ids", atMost: Self.channelsMax, &fields)?.compactMap { ChannelID(frameText: $0) }
    }

    private static func texts(_ field: String, atMost countMax: Int, _ fields: inout FieldReader) -> [String]? {
        guard let values = fields.object[field]?.asArray else {
            fields.refuse(field, "must be an array")
            return nil
        }
        guard values.count <= countMax else {
            fields.refuse(field, "must not have more than \(countMax) items")
            return nil
        }
        var texts: [String] = []
        texts.reserveCapacity(values.count)
        for value in values {
            guard case .string(let text) = value else {
                fields.refuse(field, "must hold strings")
                return nil
            }
            texts.append(text)
        }
        return texts
    }
}

extension PresenceChoice {
    /// `status` and `until`, over the socket or REST. An end is only for `dnd`.
    package init?(_ fields: inout FieldReader) {
        let name = fields.string("status")
        let status = name.flatMap(PresenceStatus.init(name:))
        if name != nil, status == nil { fields.refuse("status", "must be 'online', 'away', 'dnd' or 'offline'") }
        let until = fields.optionalTime("until")
        if until != nil, status != .dnd { fields.refuse("until", "is for 'dnd' only") }
        guard let status else { return nil }
        self.init(status: status, until: until)
    }
}
