import ChatModel
import ClusterModel

// The bodies of requests about accounts and sessions.

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
        if let complaint = username.flatMap({ ReservedUsername.complaint(about: $0) }) {
            fields.refuse("username", complaint)
        }
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
    /// What is longer can be neither a name nor a password that somebody has.
    package static let bytesMax = 1_024

    package let username: String
    package let password: String

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        let username = fields.string("username")
        let password = fields.string("password")
        for (name, text) in [("password", password), ("username", username)] {
            guard let text, text.utf8.count > Self.bytesMax else { continue }
            fields.refuse(name, "must have at most \(Self.bytesMax) bytes")
        }
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
