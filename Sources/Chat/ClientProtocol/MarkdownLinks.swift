import ChatModel

/// A `[` that may open a link's text.
struct MarkdownBracket: Sendable {
    let place: Int
    let offset: Int
    /// Its place among the line's runs.
    let run: Int
    /// How many entities and links there were before it.
    let entities: Int
    let links: Int
}

/// Where a link leads. Only addresses of three schemes are any: no others ever become links, however they are written.
enum MarkdownAddress {
    static let bytesMax = 2_048
    private static let schemes: [StaticString] = ["http://", "https://", "mailto:"]

    /// The length of the scheme that begins at a place, in either case.
    static func scheme(_ bytes: [UInt8], at place: Int) -> Int? {
        Self.schemes.first { Self.has($0, bytes, at: place) }?.utf8CodeUnitCount
    }

    private static func has(_ scheme: StaticString, _ bytes: [UInt8], at place: Int) -> Bool {
        guard bytes.count - place > scheme.utf8CodeUnitCount else { return false }
        for index in 0..<scheme.utf8CodeUnitCount {
            let byte = bytes[place + index]
            let folded = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            guard folded == scheme.utf8Start[index] else { return false }
        }
        return true
    }

    /// Where the bytes end that may belong to the address that begins at a place.
    ///
    /// - Parameter parenthesis: whether a `)` that nothing opened ends it too.
    static func end(_ bytes: [UInt8], from start: Int, at parenthesis: Bool) -> Int {
        var depth = 0
        var place = start
        while place < bytes.count {
            if bytes[place] >= 0x80 {
                let next = MarkdownText.scalar(bytes, at: place)
                guard MarkdownText.isWord(next.scalar) else { break }
                place += next.length
                continue
            }
            guard MarkdownText.isAddressByte(bytes[place]) else { break }
            if bytes[place] == UInt8(ascii: "(") { depth += 1 }
            if bytes[place] == UInt8(ascii: ")") {
                if parenthesis, depth == 0 { break }
                depth -= 1
            }
            place += 1
        }
        return place
    }

    /// The end of an address that stands in a text by itself: marks at its end are the sentence's, and a `)` is if
    /// nothing in the address opens it.
    static func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var surplus = 0
        for byte in bytes[range] {
            if byte == UInt8(ascii: ")") { surplus += 1 }
            if byte == UInt8(ascii: "(") { surplus -= 1 }
        }
        var end = range.upperBound
        while end > range.lowerBound {
            switch bytes[end - 1] {
            case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: "!"),
                UInt8(ascii: "?"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "~"):
                break
            case UInt8(ascii: ")") where surplus > 0: surplus -= 1
            default: return range.lowerBound..<end
            }
            end -= 1
        }
        return range.lowerBound..<end
    }

    /// The address with its scheme in small letters; nil for one that leads nowhere, or shows another host than the
    /// one that it leads to (`https://known.example@other.example`).
    static func url(_ bytes: [UInt8], _ range: Range<Int>) -> String? {
        guard range.count <= Self.bytesMax, let scheme = Self.scheme(bytes, at: range.lowerBound),
            range.count > scheme
        else { return nil }
        let rest = bytes[(range.lowerBound + scheme)..<range.upperBound]
        if bytes[range.lowerBound + scheme - 1] == UInt8(ascii: ":") {
            guard rest.contains(UInt8(ascii: "@")) else { return nil }
        } else {
            let authority = rest.prefix {
                $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
            }
            guard let first = authority.first, first >= 0x80 || MarkdownText.isLetterOrDigit(first),
                !authority.contains(UInt8(ascii: "@"))
            else { return nil }
        }
        var folded = Array(bytes[range])
        for index in 0..<scheme where (0x41...0x5A).contains(folded[index]) { folded[index] |= 0x20 }
        return String(decoding: folded, as: UTF8.self)
    }
}

extension MarkdownScanner {
    /// An address that stands by itself. What looks like one is never anything else, link or not: no name in it is
    /// anybody's.
    mutating func bareLink() {
        guard self.place == 0 || !MarkdownText.isLetterOrDigit(self.bytes[self.place - 1]),
            MarkdownAddress.scheme(self.bytes, at: self.place) != nil
        else { return self.advance(ascii: 1) }
        let end = MarkdownAddress.end(self.bytes, from: self.place, at: false)
        let range = MarkdownAddress.trimmed(self.bytes, self.place..<end)
        self.steps += 2 * (end - self.place)
        let start = self.unit
        let url = MarkdownAddress.url(self.bytes, range)
        // `http://` alone is all marks to its end.
        self.advance(to: Swift.max(range.upperBound, self.place + 1))
        if let url { self.add(.link(url: url), from: start) }
    }

    /// `<https://…>`, and references: `<#chn_…>` to a channel, `<#chn_….7>` to a message.
    mutating func angle() {
        if self.byte(after: 1) == UInt8(ascii: "#") { return self.reference() }
        let first = self.place + 1
        guard MarkdownAddress.scheme(self.bytes, at: first) != nil else { return self.advance(ascii: 1) }
        let end = MarkdownAddress.end(self.bytes, from: first, at: false)
        self.steps += end - first
        guard end < self.bytes.count, self.bytes[end] == UInt8(ascii: ">"),
            let url = MarkdownAddress.url(self.bytes, first..<end)
        else { return self.advance(ascii: 1) }
        let start = self.unit
        self.advance(to: end + 1)
        self.add(.link(url: url), from: start, opening: 1, closing: 1)
    }

    /// `<#`, the longest id of a message, `>`.
    private static let referenceBytesMax = 2 + 30 + 1 + 20 + 1

    private mutating func reference() {
        var length = 2
        while length < Self.referenceBytesMax, Self.isReferenceByte(self.byte(after: length)) { length += 1 }
        self.steps += length
        guard self.byte(after: length) == UInt8(ascii: ">") else { return self.advance(ascii: 1) }
        let id = String(decoding: self.bytes[(self.place + 2)..<(self.place + length)], as: UTF8.self)
        let start = self.unit
        if let channel = ChannelID(id) {
            self.advance(ascii: length + 1)
            self.add(.channel(channel), from: start)
        } else if let message = MessageID(id) {
            self.advance(ascii: length + 1)
            self.add(.messageLink(message), from: start)
        } else {
            self.advance(ascii: 1)
        }
    }

    private static func isReferenceByte(_ byte: UInt8) -> Bool {
        MarkdownText.isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }

    // MARK: Text with an address

    mutating func openBracket() {
        self.brackets.append(
            MarkdownBracket(
                place: self.place, offset: self.unit, run: self.runs.count, entities: self.entities.count,
                links: self.count(.links)))
        self.runs.append(.boundary(.bracket, at: self.unit))
        self.advance(ascii: 1)
    }

    /// `](address)` after a text that is not empty. The address has no brackets, so no two are searched for in the
    /// same bytes.
    mutating func closeBracket() {
        guard let open = self.brackets.popLast(), self.place > open.place + 1,
            self.byte(after: 1) == UInt8(ascii: "("),
            MarkdownAddress.scheme(self.bytes, at: self.place + 2) != nil
        else { return self.advance(ascii: 1) }
        let first = self.place + 2
        let end = MarkdownAddress.end(self.bytes, from: first, at: true)
        self.steps += end - first
        guard end < self.bytes.count, self.bytes[end] == UInt8(ascii: ")"),
            let url = MarkdownAddress.url(self.bytes, first..<end),
            open.links < MessageParser.eachMax
        else { return self.advance(ascii: 1) }
        self.removeLinks(since: open.entities)
        let middle = self.unit
        self.runs[open.run].role = .linkStart
        self.runs.append(.boundary(.linkEnd, at: middle))
        self.advance(to: end + 1)
        self.add(.link(url: url), from: open.offset, opening: 1, closing: self.unit - middle)
        // No link stands in another one's text.
        self.brackets.removeAll(keepingCapacity: true)
    }
}
