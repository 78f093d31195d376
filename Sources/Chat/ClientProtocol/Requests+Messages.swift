import ChatModel
import ClusterModel

// The bodies of requests about messages, taken field by field. Each returns the 422 that names every wrong field.

extension MessageDraft {
    /// Reads `{channel_id, text, client_id?, thread_id?}`; what is wrong stands in `fields` afterwards.
    package init?(_ fields: inout FieldReader) {
        let channel = fields.channelID("channel_id")
        let text = fields.string("text", .messageText)
        let clientID = fields.optionalString("client_id", .idempotencyKey)
        let threadText = fields.optionalString("thread_id")
        if let files = fields.object["file_ids"], files != .null, files != .array([]) {
            fields.refuse("file_ids", "names no file that you have uploaded")
        }
        var thread: MessageID?
        if let threadText {
            thread = MessageID(threadText)
            if thread == nil || (channel != nil && thread?.channel != channel) {
                fields.refuse("thread_id", "must be a message of the channel")
            }
        }
        guard let channel, let text, fields.problem == nil else { return nil }
        self.init(channel: channel, content: MessageContent(text: text, clientID: clientID, thread: thread))
    }
}
