import ChatModel
import ClusterModel

// The bodies of requests about channels.

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
