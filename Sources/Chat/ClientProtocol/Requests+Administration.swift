import ChatModel
import ClusterModel

// The bodies of requests of administrators and moderators.

/// `PUT /v1/admin/users/{id}/role`
package struct RoleRequest: Sendable, Hashable {
    package let role: Role

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let role = fields.role("role", isRequired: true)
        if let problem = fields.problem { throw problem }
        guard let role else { throw Problem(.invalid) }
        self.role = role
    }
}

/// `POST /v1/admin/users/{id}/deactivate`
package struct DeactivateRequest: Sendable, Hashable {
    /// nil: what the workspace's settings say.
    package let policy: ContentPolicy?

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        self.policy = fields.choice("policy") { ContentPolicy(name: $0) }
        if let problem = fields.problem { throw problem }
    }
}

/// `POST /v1/admin/invites`
package struct InviteRequest: Sendable, Hashable {
    package static let secondsDefault: Int64 = 7 * 86_400
    package static let secondsMax: Int64 = 365 * 86_400

    package let role: Role
    package let usesMax: UInt32
    package let expiresInSeconds: Int64

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let role = fields.role("role", isRequired: false)
        let uses = fields.integer("max_uses", in: 1...Int64(FormLimits.inviteUsesMax), default: 1)
        let seconds = fields.integer("expires_in", in: 1...Self.secondsMax, default: Self.secondsDefault)
        if let problem = fields.problem { throw problem }
        guard let uses, let seconds else { throw Problem(.invalid) }
        self.role = role ?? .member
        self.usesMax = UInt32(clamping: uses)
        self.expiresInSeconds = seconds
    }
}

/// `PUT /v1/admin/settings`: changes what it names; null clears what may be without a value.
package struct WorkspaceRequest: Sendable, Hashable {
    package let patch: WorkspacePatch

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        var patch = WorkspacePatch()
        patch.name = fields.optionalString("name", .displayName)
        patch.registration = fields.choice("registration") { Registration(name: $0) }
        patch.allowedOrigins = fields.origins("allowed_origins")
        patch.retentionDays = fields.change("retention_days", in: 1...Int64(FormLimits.retentionDaysMax))
        patch.contentPolicy = fields.choice("content_policy") { ContentPolicy(name: $0) }
        patch.broadcastRight = fields.choice("mention_right") { BroadcastRight(name: $0) }
        patch.editWindowSeconds = fields.change(
            "edit_window_seconds", in: 0...Int64(FormLimits.editWindowSecondsMax))
        patch.publicURL = fields.webAddress("public_url")
        if let problem = fields.problem { throw problem }
        self.patch = patch
    }
}

/// `POST /v1/admin/flags/{id}/resolve`
package struct ResolveRequest: Sendable, Hashable {
    package let action: FlagAction
    package let note: String

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let action = fields.choice("action", isRequired: true) { FlagAction(name: $0) }
        let note = fields.optionalString("note") ?? ""
        if note.utf8.count > FormLimits.noteBytesMax {
            fields.refuse("note", "must have at most \(FormLimits.noteBytesMax) bytes")
        }
        if let problem = fields.problem { throw problem }
        guard let action else { throw Problem(.invalid) }
        self.action = action
        self.note = note
    }
}

/// `POST /v1/emoji`
package struct EmojiRequest: Sendable, Hashable {
    /// Without colons, in lower case.
    package let name: String
    package let alias: String

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let name = fields.string("name")
        let alias = fields.string("alias", .emoji)
        if let name, !Self.isName(name) { fields.refuse("name", "must be 1 to 64 of a to z, 0 to 9, '_', '+' and '-'") }
        if let problem = fields.problem { throw problem }
        guard let name, let alias else { throw Problem(.invalid) }
        self.name = name
        self.alias = alias
    }

    package static func isName(_ text: String) -> Bool {
        (1...FormLimits.emojiBytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension FieldReader {
    fileprivate mutating func role(_ field: String, isRequired: Bool) -> Role? {
        self.choice(field, isRequired: isRequired) { Role(name: $0) }
    }

    /// One of the names of a small enumeration; nil also when it is wrong, which `problem` then says.
    fileprivate mutating func choice<Value>(
        _ field: String, isRequired: Bool = false, _ read: (String) -> Value?
    ) -> Value? {
        guard let text = isRequired ? self.string(field) : self.optionalString(field) else { return nil }
        guard let value = read(text) else {
            self.refuse(field, "is none of the values that there are")
            return nil
        }
        return value
    }

    /// A number, null to clear it, or nothing to leave it.
    fileprivate mutating func change(_ field: String, in range: ClosedRange<Int64>) -> Change<UInt32> {
        switch self.object[field] {
        case nil: return .keep
        case .null?: return .clear
        case .some:
            guard let number = self.requiredInteger(field, in: range), let value = UInt32(exactly: number) else {
                return .keep
            }
            return .set(value)
        }
    }

    /// Origins as browsers send them: scheme, host and perhaps port, nothing else.
    fileprivate mutating func origins(_ field: String) -> [String]? {
        guard let value = self.object[field], value != .null else { return nil }
        guard let values = value.asArray, values.count <= FormLimits.originsMax else {
            self.refuse(field, "must be a list of at most \(FormLimits.originsMax) origins")
            return nil
        }
        var origins: [String] = []
        for value in values {
            guard let text = value.asString, WebAddress.isOrigin(text) else {
                self.refuse(field, "must hold origins such as https://chat.example:8443")
                return nil
            }
            origins.append(text)
        }
        return origins
    }

    fileprivate mutating func webAddress(_ field: String) -> Change<String> {
        switch self.object[field] {
        case nil: return .keep
        case .null?: return .clear
        case .some:
            guard let text = self.string(field) else { return .keep }
            guard WebAddress.isBase(text) else {
                self.refuse(field, "must be an address such as https://chat.example")
                return .keep
            }
            return .set(text)
        }
    }
}

/// Addresses that are shown to people as links: http and https only, without anything that could hide where they lead.
enum WebAddress {
    static func isOrigin(_ text: String) -> Bool {
        guard text.utf8.count <= FormLimits.originBytesMax, let rest = Self.afterScheme(text) else { return false }
        return !rest.isEmpty && rest.allSatisfy { Self.isAuthority($0) }
    }

    /// An origin, and perhaps a path.
    static func isBase(_ text: String) -> Bool {
        guard text.utf8.count <= FormLimits.urlBytesMax, let rest = Self.afterScheme(text) else { return false }
        let slash = UInt8(ascii: "/")
        let authority = rest.prefix { $0 != slash }
        return !authority.isEmpty && authority.allSatisfy { Self.isAuthority($0) }
            && rest.dropFirst(authority.count).allSatisfy { Self.isAuthority($0) || $0 == slash || $0 == 0x5F }
    }

    private static func afterScheme(_ text: String) -> ArraySlice<UInt8>? {
        let bytes = Array(text.utf8)
        for scheme in ["https://", "http://"] where bytes.starts(with: scheme.utf8) {
            return bytes.dropFirst(scheme.utf8.count)
        }
        return nil
    }

    /// Letters, digits, `.`, `-`, `:` and the brackets of IPv6.
    private static func isAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
            UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }
}
