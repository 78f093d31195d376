import ChatModel

/// User names that mean somebody else to those who read them.
package enum ReservedUsername {
    /// What a message addresses many people by, and whom the product itself would speak as: nobody's.
    private static let forNobody: Set<String> = [
        "all", "channel", "everyone", "here", "moderator", "roost", "support", "system",
    ]
    /// For those whose account is made an administrator's: the first of a cluster, and whom an administrator invites so.
    private static let forAdministrators: Set<String> = ["admin", "administrator", "root"]

    /// - Returns: nil for a name that may be had; else what a person reads of it.
    package static func complaint(about username: String) -> String? {
        // `@ada.` is Ada at the end of a sentence, and must not become somebody else.
        if let last = username.utf8.last, MentionText.isMark(last) {
            return "must end with a letter or digit"
        }
        return Self.forNobody.contains(username.lowercased()) ? "is a word that means others" : nil
    }

    /// - Returns: nil for a name that an account of `role` may have.
    package static func complaint(about username: String, of role: Role) -> String? {
        role != .admin && Self.forAdministrators.contains(username.lowercased())
            ? "is kept for administrators" : nil
    }
}
