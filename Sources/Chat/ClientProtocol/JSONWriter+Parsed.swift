import ChatModel

// The JSON form of what a text means.

extension JSONWriter {
    mutating func value(_ parsed: ParsedText) {
        self.beginObject()
        self.key("entities")
        self.beginArray()
        for entity in parsed.entities { self.value(entity) }
        self.endArray()
        self.users("mentions", parsed.mentions)
        self.field("mentions_channel", parsed.broadcast == .channel)
        if case .here(let users) = parsed.broadcast {
            self.users("here_user_ids", users)
        } else {
            self.emptyArrayField("here_user_ids")
        }
        self.texts("links", parsed.links)
        self.texts("emoji", parsed.emoji)
        self.endObject()
    }

    private mutating func value(_ entity: TextEntity) {
        self.beginObject()
        self.field("type", entity.kind.name)
        self.field("offset", entity.offset)
        self.field("length", entity.length)
        switch entity.kind {
        case .bold, .italic, .strike, .code, .quote:
            self.marks(of: entity)
        case .pre(let language):
            self.marks(of: entity)
            self.field("language", language)
        case .heading(let level):
            self.marks(of: entity)
            self.field("level", level)
        case .listItem(let number):
            self.marks(of: entity)
            self.key("number")
            if let number { self.value(number) } else { self.null() }
        case .link(let url):
            self.marks(of: entity)
            self.field("url", url)
        case .mention(let user): self.field("user_id", user)
        case .broadcast(let name), .emoji(let name): self.field("name", name)
        case .channel(let channel): self.field("channel_id", channel)
        case .messageLink(let message): self.field("message_id", message)
        }
        self.endObject()
    }

    private mutating func marks(of entity: TextEntity) {
        self.field("open", entity.opening)
        self.field("close", entity.closing)
    }

    private mutating func texts(_ name: StaticString, _ texts: [String]) {
        self.key(name)
        self.beginArray()
        for text in texts { self.value(text) }
        self.endArray()
    }
}

extension TextEntity.Kind {
    var name: String {
        switch self {
        case .bold: "bold"
        case .italic: "italic"
        case .strike: "strike"
        case .code: "code"
        case .pre: "pre"
        case .quote: "quote"
        case .heading: "heading"
        case .listItem: "list_item"
        case .link: "link"
        case .mention: "mention"
        case .broadcast: "broadcast"
        case .channel: "channel"
        case .emoji: "emoji"
        case .messageLink: "message_link"
        }
    }
}
