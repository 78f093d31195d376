import ChatModel
import ClusterModel

// The bodies of requests about messages, taken field by field. Each returns the 422 that names every wrong field.

extension MessageContent {
    package static let attachmentsMax = 20
}

extension MessageDraft {
    /// Reads `{channel_id, text, client_id?, thread_id?, attachments?}`; what is wrong stands in `fields` afterwards.
    package init?(_ fields: inout FieldReader) {
        let channel = fields.channelID("channel_id")
        let threadText = fields.optionalString("thread_id")
        var thread: MessageID?
        if let threadText {
            thread = MessageID(threadText)
            if thread == nil || (channel != nil && thread?.channel != channel) {
                fields.refuse("thread_id", "must be a message of the channel")
            }
        }
        self.init(&fields, in: channel, thread: thread)
    }

    /// Reads `{text, client_id?, attachments?}`: a reply, whose root the path names.
    package init?(_ fields: inout FieldReader, replyTo root: MessageID) {
        self.init(&fields, in: root.channel, thread: root)
    }

    private init?(_ fields: inout FieldReader, in channel: ChannelID?, thread: MessageID?) {
        let text = fields.string("text", .messageText)
        let clientID = fields.optionalString("client_id", .idempotencyKey)
        if let files = fields.object["file_ids"], files != .null, files != .array([]) {
            fields.refuse("file_ids", "names no file that you have uploaded")
        }
        let attachments = fields.attachments("attachments")
        guard let channel, let text, fields.problem == nil else { return nil }
        self.init(
            channel: channel,
            content: MessageContent(
                text: text, clientID: clientID, thread: thread, attachments: attachments ?? ""))
    }
}

extension FieldReader {
    /// At most 20 values of any kind, 32 KiB as JSON, in the form in which they are kept.
    fileprivate mutating func attachments(_ field: String) -> String? {
        guard let value = self.object[field], value != .null else { return nil }
        guard case .array(let items) = value, items.count <= MessageContent.attachmentsMax else {
            self.refuse(field, "must be an array of at most \(MessageContent.attachmentsMax)")
            return nil
        }
        guard !items.isEmpty else { return nil }
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.value(value)
        guard writer.bytes.count <= MessageContent.attachmentsBytesMax else {
            self.refuse(field, "must have at most \(MessageContent.attachmentsBytesMax) bytes")
            return nil
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// An emoji under the name that it has here.
    mutating func emoji(_ field: String) -> String? {
        guard let text = self.string(field) else { return nil }
        guard let emoji = EmojiRule.normal(text) else {
            self.refuse(field, "must be an emoji or its name, of 1 to 64 bytes")
            return nil
        }
        return emoji
    }

    /// One that may be put on a message.
    mutating func addableEmoji(_ field: String) -> String? {
        guard let emoji = self.emoji(field) else { return nil }
        guard EmojiRule.isAddable(emoji) else {
            self.refuse(field, "must be an emoji or its name")
            return nil
        }
        return emoji
    }

    /// `{text}` of an edit.
    package mutating func editedText() -> String? { self.string("text", .messageText) }

    /// `{reason}` of a flag.
    package mutating func reason() -> String? {
        guard let reason = self.string("reason") else { return nil }
        guard (1...FormLimits.reasonBytesMax).contains(reason.utf8.count) else {
            self.refuse("reason", "must have 1 to \(FormLimits.reasonBytesMax) bytes")
            return nil
        }
        return reason
    }
}
