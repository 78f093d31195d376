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
