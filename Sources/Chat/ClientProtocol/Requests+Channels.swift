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

/// What changes of a channel: a field that is absent stays. `null` takes back the rules that a channel may have of
/// its own.
package struct ChangeChannelRequest: Sendable, Hashable {
    package let name: String?
    package let patch: ChannelPatch

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let name = fields.optionalString("name", .channelName)
        let topic = fields.optionalString("topic", .topic)
        let typeName = fields.optionalString("type")
        let type = typeName.flatMap(ChannelType.init(name:))
        if typeName != nil, type != .public, type != .private {
            fields.refuse("type", "must be 'public' or 'private'")
        }
        let rightName = fields.optionalString("mention_right")
        let right = rightName.flatMap(BroadcastRight.init(name:))
        if rightName != nil, right == nil {
            fields.refuse("mention_right", "must be 'everyone', 'owners' or 'nobody'")
        }
        var days = Change<UInt32>.keep
        if object["retention_days"] == .null {
            days = .clear
        } else if object["retention_days"] != nil {
            let range = 1...Int64(FormLimits.retentionDaysMax)
            if let number = fields.requiredInteger("retention_days", in: range) {
                days = .set(UInt32(clamping: number))
            }
        }
        if let problem = fields.problem { throw problem }
        self.name = name
        self.patch = ChannelPatch(topic: topic, type: type, broadcastRight: right, retentionDays: days)
    }

    /// Whether there is anything but the name to change.
    package var changesMore: Bool { self.patch != ChannelPatch() }
}

/// The other people of a direct or group channel; the caller may name itself.
package struct OpenDirectRequest: Sendable, Hashable {
    package let users: [UserID]

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        guard case .array(let items)? = object["user_ids"], !items.isEmpty else {
            fields.refuse("user_ids", "must be a list of at least one user id")
            throw fields.problem ?? Problem(.invalid)
        }
        // The caller is among them at most once.
        guard items.count <= FormLimits.directPeopleMax else {
            fields.refuse("user_ids", "must name at most \(FormLimits.directPeopleMax - 1) others")
            throw fields.problem ?? Problem(.invalid)
        }
        var users: [UserID] = []
        var namesNothing = false
        for item in items {
            guard case .string(let text) = item else {
                fields.refuse("user_ids", "must be strings")
                break
            }
            if let user = UserID(text) { users.append(user) } else { namesNothing = true }
        }
        if let problem = fields.problem { throw problem }
        if namesNothing { throw Problem(.notFound) }
        self.users = users
    }
}

/// How far a channel has been read.
package struct ReadRequest: Sendable, Hashable {
    package let seq: UInt64

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let seq = fields.requiredInteger("seq", in: 0...Int64.max)
        if let problem = fields.problem { throw problem }
        self.seq = UInt64(clamping: seq ?? 0)
    }
}

/// With which role somebody is in a channel; absent: as it is, or an ordinary member.
package struct MemberRequest: Sendable, Hashable {
    package let role: ChannelRole?

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let name = fields.optionalString("role")
        let role = name.flatMap(ChannelRole.init(name:))
        if name != nil, role == nil { fields.refuse("role", "must be 'member' or 'owner'") }
        if let problem = fields.problem { throw problem }
        self.role = role
    }
}
