import ChatModel

/// A part of a message's text that means something by itself: what it is, and where.
///
/// Entities nest or are disjoint, they never cross, and no two stand at the same place with the same length.
package struct TextEntity: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case bold
        case italic
        case strike
        /// Between one or two backticks, within a line.
        case code
        /// Between three backticks or more, over many lines; with the language that its first line names.
        case pre(language: String?)
        /// One line; lines that follow each other belong together.
        case quote
        /// 1 to 6.
        case heading(level: Int)
        /// One line; a number for what is counted.
        case listItem(number: Int?)
        /// Of `http`, `https` or `mailto` only, at most 2,048 bytes.
        case link(url: String)
        case mention(UserID)
        /// `channel`, `all` or `here`, without the sign.
        case broadcast(name: String)
        case channel(ChannelID)
        /// Without the colons, as it is written.
        case emoji(name: String)
        case messageLink(MessageID)
    }

    package let kind: Kind
    /// In UTF-16 units, as browsers count; so are all lengths.
    package let offset: Int
    /// With its marks.
    package let length: Int
    /// The length of the marks that it begins with: a reader is not shown them.
    package let opening: Int
    /// Of those that it ends with.
    package let closing: Int

    init(_ kind: Kind, offset: Int, length: Int, opening: Int = 0, closing: Int = 0) {
        self.kind = kind
        self.offset = offset
        self.length = length
        self.opening = opening
        self.closing = closing
    }

    package var end: Int { self.offset + self.length }
}

/// What a client needs not find in a message's text by itself.
///
/// Only names that were resolved when the message was sent are mentions. The text itself stays as it was written:
/// nothing of it is rendered here.
package struct ParsedText: Hashable, Sendable {
    /// By offset, the longer first.
    package let entities: [TextEntity]
    /// Whom the text names, each once.
    package let mentions: [UserID]
    package let broadcast: Broadcast?
    /// Where its links lead, each once, in their order.
    package let links: [String]
    /// Names of its emoji, each once, in their order.
    package let emoji: [String]
}

/// Makes the parsed form of a message. Pure; time and memory are linear in the length of the text.
package enum MessageParser {
    /// Of mentions, broadcasts, links, references to channels and to messages, and emoji: so many of each. What is beyond
    /// is plain text.
    package static let eachMax = 50
    /// Of all that only shapes a text: bold to list items.
    package static let shapesMax = 500

    package static func parse(_ content: MessageContent) -> ParsedText {
        Self.parse(content.text, mentions: content.mentions, broadcast: content.broadcast)
    }

    /// - Parameter mentions: the names of the text that were resolved.
    package static func parse(_ text: String, mentions: [Mention], broadcast: Broadcast?) -> ParsedText {
        let users = Self.users(mentions)
        guard MarkdownText.mayHaveMarks(text) else {
            return ParsedText(entities: [], mentions: users, broadcast: broadcast, links: [], emoji: [])
        }
        var scanner = MarkdownScanner(text)
        scanner.scan()
        Self.resolve(mentions, broadcast, in: &scanner)
        var entities = scanner.entities
        entities.sort { ($0.offset, $1.length) < ($1.offset, $0.length) }
        var links: [String] = []
        // By bytes: strings are compared in their canonical form, which takes quadratic time to make.
        var known: Set<[UInt8]> = []
        var emoji: [String] = []
        for entity in entities {
            switch entity.kind {
            case .link(let url): if known.insert(Array(url.utf8)).inserted { links.append(url) }
            case .emoji(let name): if !emoji.contains(name) { emoji.append(name) }
            case .bold, .italic, .strike, .code, .pre, .quote, .heading, .listItem, .mention, .broadcast, .channel,
                .messageLink:
                break
            }
        }
        return ParsedText(entities: entities, mentions: users, broadcast: broadcast, links: links, emoji: emoji)
    }

    private static func users(_ mentions: [Mention]) -> [UserID] {
        guard !mentions.isEmpty else { return [] }
        var seen: Set<UserID> = []
        return mentions.map(\.user).filter { seen.insert($0).inserted }
    }

    /// Words that name nobody, or whom the sender may not address, stay plain text.
    private static func resolve(_ mentions: [Mention], _ broadcast: Broadcast?, in scanner: inout MarkdownScanner) {
        guard !scanner.words.isEmpty, !mentions.isEmpty || broadcast != nil else { return }
        let named = Dictionary(mentions.map { ($0.name, $0.user) }, uniquingKeysWith: { first, _ in first })
        for word in scanner.words {
            // Names are ASCII: a unit for each byte, and one for the sign.
            if let name = word.candidates.first(where: { named[$0] != nil }), let user = named[name] {
                scanner.add(TextEntity(.mention(user), offset: word.offset, length: name.utf8.count + 1))
            } else if let everybody = word.everybody, let name = word.candidates.first,
                broadcast != nil, (everybody == .channel) == (broadcast == .channel)
            {
                scanner.add(TextEntity(.broadcast(name: name), offset: word.offset, length: name.utf8.count + 1))
            }
        }
    }
}
