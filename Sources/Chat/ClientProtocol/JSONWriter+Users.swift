import ChatModel
import ClusterModel

// The JSON forms of people: the shapes that api consumers rely on, written field by field, so that no field appears
// because a record got one. A password hash has no way into any of them.

/// Who looks at a user.
package enum UserView: Sendable, Hashable {
    /// The user itself or an admin: with the mail address.
    case full
    case others

    package init(of user: UserID, by viewer: Actor) {
        self = user == viewer.user || viewer.role == .admin ? .full : .others
    }
}

extension JSONWriter {
    /// - Parameter profile: nil where nobody has asked for it: the user then has no status.
    package mutating func user(_ user: UserRecord, _ profile: ProfileExtra? = nil, view: UserView) {
        self.beginObject()
        self.field("id", user.id)
        self.field("username", user.username)
        self.field("display_name", user.displayName)
        if view == .full { self.field("email", user.email) }
        self.nullField("avatar_url")
        self.field("role", user.role.name)
        self.field("status_text", profile?.statusText ?? "")
        self.field("status_until", profile?.statusUntil)
        self.field("created_at", user.createdAt)
        self.field("deactivated_at", user.deactivatedAt)
        self.endObject()
    }
}
