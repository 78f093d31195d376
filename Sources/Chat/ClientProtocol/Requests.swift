import ChatModel
import ClusterModel

// The bodies of REST requests, taken field by field. Each returns the 422 that names every wrong field.

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

package struct RegisterRequest: Sendable, Hashable {
    /// Folded to lower case.
    package let username: String
    package let password: String
    package let email: String?
    package let displayName: String
    package let invite: String?

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let username = fields.string("username", .username)
        let password = fields.string("password", .password)
        let email = fields.optionalString("email", .emailAddress)
        let displayName = fields.optionalString("display_name", .displayName)
        let invite = fields.optionalString("invite")
        if let problem = fields.problem { throw problem }
        guard let username, let password else { throw Problem(.invalid) }
        self.username = FoldedName.username(username)
        self.password = password
        self.email = email
        self.displayName = displayName ?? username
        self.invite = invite
    }
}

/// Names and passwords are not held against the rules of new ones here: what breaks them is simply wrong.
package struct LoginRequest: Sendable, Hashable {
    package let username: String
    package let password: String

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let username = fields.string("username")
        let password = fields.string("password")
        if let text = password, text.utf8.count > 1_024 { fields.refuse("password", "must have at most 1024 bytes") }
        if let text = username, text.utf8.count > 1_024 { fields.refuse("username", "must have at most 1024 bytes") }
        if let problem = fields.problem { throw problem }
        guard let username, let password else { throw Problem(.invalid) }
        self.username = FoldedName.username(username)
        self.password = password
    }
}

package struct RefreshRequest: Sendable, Hashable {
    package let refreshToken: String

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let token = fields.string("refresh_token")
        if let problem = fields.problem { throw problem }
        guard let token else { throw Problem(.invalid) }
        self.refreshToken = token
    }
}

package struct CreateChannelRequest: Sendable, Hashable {
    package let name: String
    package let type: ChannelType
    package let topic: String

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let name = fields.string("name", .channelName)
        let typeName = fields.string("type")
        let topic = fields.optionalString("topic", .topic)
        let type = typeName.flatMap(ChannelType.init(name:))
        if typeName != nil, type != .public, type != .private {
            fields.refuse("type", "must be 'public' or 'private'")
        }
        if let problem = fields.problem { throw problem }
        guard let name, let type else { throw Problem(.invalid) }
        self.name = name
        self.type = type
        self.topic = topic ?? ""
    }

    package var fingerprint: UInt64 {
        var fingerprint = RequestFingerprint()
        fingerprint.combine(self.name)
        fingerprint.combine(self.type.name)
        fingerprint.combine(self.topic)
        return fingerprint.value
    }
}
