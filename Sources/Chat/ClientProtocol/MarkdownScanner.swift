import ChatModel

/// Reads a text as Markdown, once from its beginning to its end.
///
///     text ─► code spans ─► lines ─► quotes, headings, list items ─► tokens ─► emphasis
///
/// Code is found first: nothing within means anything. A line ends at a line break outside of code. Within a line,
/// tokens are taken from the left, and when it has ended, runs of `*`, `_` and `~` are paired. Nothing is ever read
/// again from an earlier place but for a bounded number of times, so the time is linear; `steps` shows it.
///
/// Words that may name people are found here and nowhere else, whether or not anybody has the name.
struct MarkdownScanner {
    let bytes: [UInt8]
    private let code: [MarkdownCode]
    private var nextCode = 0
    /// The byte that is read next, and the UTF-16 units before it.
    private(set) var place = 0
    private(set) var unit = 0
    /// Bytes and tokens looked at: the measure of time.
    var steps: Int

    /// In no order.
    private(set) var entities: [TextEntity] = []
    var words: [MentionWord] = []
    private var counts = Array(repeating: 0, count: TextEntity.Kind.Limit.allCases.count)

    // Of the line that is being read.
    var blocks: [MarkdownBlock] = []
    var runs: [EmphasisRun] = []
    var brackets: [MarkdownBracket] = []
    /// Runs of `_` that may have been opened.
    var openUnderscores = 0
    /// Where the latest of them ended.
    var underscoresEnd = -1

    init(_ text: String) {
        self.bytes = Array(text.utf8)
        self.steps = 0
        self.code = MarkdownCode.spans(self.bytes, steps: &self.steps)
    }

    mutating func scan() {
        while self.place < self.bytes.count {
            self.line()
            // The line break.
            if self.place < self.bytes.count { self.advance(ascii: 1) }
        }
    }

    private mutating func line() {
        self.runs.removeAll(keepingCapacity: true)
        self.brackets.removeAll(keepingCapacity: true)
        self.openUnderscores = 0
        self.openBlocks()
        while self.place < self.bytes.count, self.bytes[self.place] != UInt8(ascii: "\n") {
            self.token()
        }
        self.pairEmphasis()
        for block in self.blocks {
            self.add(block.kind, from: block.offset, opening: block.opening)
        }
        self.blocks.removeAll(keepingCapacity: true)
    }

    private mutating func token() {
        self.steps += 1
        switch self.bytes[self.place] {
        case UInt8(ascii: "\\"): self.advance(ascii: MarkdownText.isPunctuation(self.byte(after: 1)) ? 2 : 1)
        case UInt8(ascii: "`"): self.ticks()
        case UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "~"): self.emphasis()
        case UInt8(ascii: "["): self.openBracket()
        case UInt8(ascii: "]"): self.closeBracket()
        case UInt8(ascii: "<"): self.angle()
        case UInt8(ascii: "@"): self.name()
        case UInt8(ascii: ":"): self.emoji()
        case UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "m"), UInt8(ascii: "M"): self.bareLink()
        default: self.advance()
        }
    }

    private mutating func ticks() {
        while self.nextCode < self.code.count, self.code[self.nextCode].range.lowerBound < self.place {
            self.nextCode += 1
        }
        guard self.nextCode < self.code.count, self.code[self.nextCode].range.lowerBound == self.place else {
            return self.advance(ascii: 1)
        }
        let span = self.code[self.nextCode]
        self.nextCode += 1
        let marks = span.marks(in: self.bytes, steps: &self.steps)
        let language = marks.language.map { String(decoding: self.bytes[$0], as: UTF8.self) }
        let start = self.unit
        self.advance(to: span.range.upperBound)
        self.add(
            span.isBlock ? .pre(language: language) : .code, from: start, opening: marks.opening,
            closing: marks.closing)
    }

    // MARK: Moving

    /// Zero beyond the end.
    func byte(after distance: Int) -> UInt8 {
        let place = self.place + distance
        return place < self.bytes.count ? self.bytes[place] : 0
    }

    mutating func advance() {
        self.unit += MarkdownText.units(self.bytes[self.place])
        self.place += 1
    }

    /// Over bytes that are ASCII for sure.
    mutating func advance(ascii count: Int) {
        self.unit += count
        self.place += count
    }

    mutating func advance(to end: Int) {
        self.steps += end - self.place
        while self.place < end { self.advance() }
    }

    // MARK: Entities

    /// An entity that ends here, unless there are too many of its kind.
    ///
    /// - Returns: whether it was taken.
    @discardableResult
    mutating func add(_ kind: TextEntity.Kind, from start: Int, opening: Int = 0, closing: Int = 0) -> Bool {
        self.add(TextEntity(kind, offset: start, length: self.unit - start, opening: opening, closing: closing))
    }

    @discardableResult
    mutating func add(_ entity: TextEntity) -> Bool {
        let limit = entity.kind.limit
        guard self.count(limit) < limit.max else { return false }
        self.counts[limit.rawValue] += 1
        self.entities.append(entity)
        return true
    }

    func count(_ limit: TextEntity.Kind.Limit) -> Int { self.counts[limit.rawValue] }

    /// A link's text holds no links.
    mutating func removeLinks(since count: Int) {
        let before = self.entities.count
        self.steps += before - count
        let inner = self.entities[count...].filter { $0.kind.limit != .links }
        self.entities.removeLast(before - count)
        self.entities += inner
        self.counts[TextEntity.Kind.Limit.links.rawValue] -= before - self.entities.count
    }
}

extension TextEntity.Kind {
    /// What is counted together.
    enum Limit: Int, CaseIterable, Sendable {
        case shapes
        case mentions
        case broadcasts
        case links
        case channels
        case messages
        case emoji

        var max: Int {
            switch self {
            case .shapes: MessageParser.shapesMax
            case .mentions, .broadcasts, .links, .channels, .messages, .emoji: MessageParser.eachMax
            }
        }
    }

    var limit: Limit {
        switch self {
        case .bold, .italic, .strike, .code, .pre, .quote, .heading, .listItem: .shapes
        case .mention: .mentions
        case .broadcast: .broadcasts
        case .link: .links
        case .channel: .channels
        case .messageLink: .messages
        case .emoji: .emoji
        }
    }
}
