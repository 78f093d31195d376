import ChatModel
import ClusterModel

/// What a person typed into a search field, taken apart: words, phrases and operators.
///
///     "exact phrase"  word  pre*  -without  from:@ada  in:#general  has:link  before:2026-02-01  after:2026-01-01
///
/// Anything else is a word: no syntax of an index means anything here.
package struct SearchText: Hashable, Sendable {
    package var terms: [SearchTerm] = []
    /// A user's id, or a name without its `@`.
    package var from: String?
    /// A channel's id, or a name without its `#`.
    package var channel: String?
    /// See `SearchRequest.features`.
    package var features: UInt8 = 0
    package var before: Timestamp?
    package var after: Timestamp?

    package static let termsMax = 16
    package static let termBytesMax = 256
    package static let bytesMax = 1_024

    package init() {}

    /// - Throws: the 422 of a text that is too long or has an operator that can not be meant.
    package init(_ text: String) throws(Problem) {
        guard text.utf8.count <= Self.bytesMax else { throw Self.problem("must have at most \(Self.bytesMax) bytes") }
        var rest = text.unicodeScalars[...]
        while let piece = Self.next(&rest) { try self.take(piece) }
        guard self.terms.count <= Self.termsMax else { throw Self.problem("must have at most \(Self.termsMax) words") }
        guard self.terms.allSatisfy({ $0.words.text.utf8.count <= Self.termBytesMax }) else {
            throw Self.problem("must have words of at most \(Self.termBytesMax) bytes")
        }
    }

    /// Whether it asks for anything.
    package var isEmpty: Bool {
        self.terms.isEmpty && self.from == nil && self.channel == nil && self.features == 0 && self.before == nil
            && self.after == nil
    }

    package static func feature(_ name: String) -> UInt8? {
        switch name {
        case "link": 1
        case "file": 2
        case "pin": 4
        case "reaction": 8
        default: nil
        }
    }

    /// A time as in RFC 3339, or a day: its beginning in UTC.
    package static func time(_ text: String) -> Timestamp? {
        (CalendarTime(text) ?? CalendarTime(text + "T00:00:00Z"))?.timestamp
    }

    // MARK: Pieces

    private struct Piece {
        var isExcluded = false
        var isQuoted = false
        var text = ""
    }

    /// The next word or phrase; nil at the end. A quotation mark that is not closed goes on to the end.
    private static func next(_ rest: inout Substring.UnicodeScalarView) -> Piece? {
        rest = rest.drop(while: { $0.properties.isWhitespace })
        guard let first = rest.first else { return nil }
        var piece = Piece()
        if first == "-" {
            piece.isExcluded = true
            rest.removeFirst()
        }
        if rest.first == "\"" {
            rest.removeFirst()
            let phrase = rest.prefix(while: { $0 != "\"" })
            piece.isQuoted = true
            piece.text = String(phrase)
            rest = rest[phrase.endIndex...].dropFirst()
        } else {
            let word = rest.prefix(while: { !$0.properties.isWhitespace && $0 != "\"" })
            piece.text = String(word)
            rest = rest[word.endIndex...]
        }
        return piece
    }

    private mutating func take(_ piece: Piece) throws(Problem) {
        if !piece.isQuoted, !piece.isExcluded, let colon = piece.text.firstIndex(of: ":") {
            let name = piece.text[..<colon].lowercased()
            let value = String(piece.text[piece.text.index(after: colon)...])
            if !value.isEmpty, try self.takeOperator(name, value) { return }
        }
        // What has no letter and no digit leaves nothing in the index, and nothing to look for.
        guard piece.text.unicodeScalars.contains(where: Self.isIndexed) else { return }
        let words: SearchWords =
            if piece.isQuoted {
                .phrase(piece.text)
            } else if piece.text.hasSuffix("*") {
                .prefix(String(piece.text.dropLast()))
            } else {
                .word(piece.text)
            }
        self.terms.append(SearchTerm(words: words, isExcluded: piece.isExcluded))
    }

    /// - Returns: false for what is no operator.
    private mutating func takeOperator(_ name: String, _ value: String) throws(Problem) -> Bool {
        switch name {
        case "from":
            guard self.from == nil else { throw Self.problem("names 'from:' twice") }
            self.from = value.hasPrefix("@") ? String(value.dropFirst()) : value
        case "in":
            guard self.channel == nil else { throw Self.problem("names 'in:' twice") }
            self.channel = value.hasPrefix("#") ? String(value.dropFirst()) : value
        case "has":
            guard let feature = Self.feature(value.lowercased()) else {
                throw Self.problem("'has:' takes link, file, pin or reaction")
            }
            self.features |= feature
        case "before", "after":
            guard let time = Self.time(value) else { throw Self.problem("'\(name):' takes a day or a time") }
            if name == "before" { self.before = time } else { self.after = time }
        default: return false
        }
        return true
    }

    private static func isIndexed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .privateUse:
            true
        default: false
        }
    }

    private static func problem(_ detail: String) -> Problem { Problem([FieldError(field: "q", detail: detail)]) }
}

extension SearchWords {
    package var text: String {
        switch self {
        case .word(let text), .prefix(let text), .phrase(let text): text
        }
    }
}
