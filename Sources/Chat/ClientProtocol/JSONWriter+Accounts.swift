import ChatModel
import ClusterModel

// The JSON forms of what administrators and moderators look at.

extension JSONWriter {
    /// - Parameter url: where whoever was invited goes; nil in lists.
    package mutating func invite(_ invite: InviteRecord, url: String) {
        self.beginObject()
        self.field("invite", invite.id)
        self.field("url", url)
        self.field("role", invite.role.name)
        self.field("max_uses", invite.usesMax)
        self.field("uses", invite.uses)
        self.field("expires_at", invite.expiresAt)
        self.field("created_by", invite.createdBy)
        self.field("created_at", invite.createdAt)
        self.endObject()
    }

    package mutating func workspace(_ settings: WorkspaceSettings) {
        self.beginObject()
        self.field("name", settings.name)
        self.field("registration", settings.registration.name)
        self.key("allowed_origins")
        self.beginArray()
        for origin in settings.allowedOrigins { self.value(origin) }
        self.endArray()
        self.number("retention_days", settings.retentionDays)
        self.field("content_policy", settings.contentPolicy.name)
        self.field("mention_right", settings.broadcastRight.name)
        self.number("edit_window_seconds", settings.editWindowSeconds)
        self.field("public_url", settings.publicURL)
        self.endObject()
    }

    package mutating func audit(_ entry: AuditEntry) {
        self.beginObject()
        self.field("id", "\(entry.number)")
        self.field("at", entry.note.at)
        self.key("actor_id")
        if let actor = entry.note.actor { self.value(actor) } else { self.null() }
        self.field("action", entry.note.action)
        self.field("target", entry.note.target)
        self.key("details")
        self.beginObject()
        // Names are few and different by whoever writes them; of two alike the first counts, or it were no object.
        var names: Set<String> = []
        for detail in entry.note.details where names.insert(detail.name).inserted {
            self.key(detail.name)
            self.value(detail.value)
        }
        self.endObject()
        self.field("previous_hash", entry.previous.description)
        self.field("hash", entry.digest.description)
        self.endObject()
    }

    /// Never the channel's name: a moderator need not be in it.
    package mutating func flag(_ flag: FlagRecord) {
        self.beginObject()
        self.field("id", flag.id)
        self.field("message_id", flag.message)
        self.field("reason", flag.reason)
        self.field("excerpt", flag.excerpt)
        self.field("user_id", flag.author)
        self.field("reporter_id", flag.reporter)
        self.field("created_at", flag.at)
        self.field("state", flag.resolution == nil ? "open" : "resolved")
        self.key("resolution")
        if let resolution = flag.resolution {
            self.beginObject()
            self.field("action", resolution.action.name)
            self.key("by")
            // What nobody looked at was closed by the cluster itself.
            if resolution.by.high == 0, resolution.by.low == 0 { self.null() } else { self.value(resolution.by) }
            self.field("at", resolution.at)
            self.field("note", resolution.note)
            self.endObject()
        } else {
            self.null()
        }
        self.endObject()
    }

    package mutating func emoji(_ emoji: EmojiRecord) {
        self.beginObject()
        self.field("name", emoji.name)
        self.field("alias", emoji.alias)
        self.field("created_by", emoji.createdBy)
        self.field("created_at", emoji.createdAt)
        self.endObject()
    }

    private mutating func number(_ name: StaticString, _ number: UInt32?) {
        self.key(name)
        if let number { self.value(number) } else { self.null() }
    }
}
