// Kinds of bytes and scalars, as Markdown tells them apart.

/// What can be said of a text without reading it as Markdown.
package enum MarkdownText {
    /// False for a text that has no entities for sure: most messages. One pass, nothing is allocated.
    package static func mayHaveMarks(_ text: String) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { Self.mayHaveMarks($0) } ?? true
    }

    private static func mayHaveMarks(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var place = 0
        while place < bytes.count {
            if Self.mayBeBlock(bytes, &place) { return true }
            while place < bytes.count, bytes[place] != UInt8(ascii: "\n") {
                if Self.isNotable(bytes[place]) {
                    // A colon is one before the name of an emoji or the address of a link.
                    guard bytes[place] == UInt8(ascii: ":") else { return true }
                    let next = place + 1 < bytes.count ? bytes[place + 1] : 0
                    if next == UInt8(ascii: "/") || Self.isEmojiByte(next) { return true }
                }
                place += 1
            }
            place += 1
        }
        return false
    }

    /// Whether a line may be more than text by its beginning; goes on to where that is decided.
    private static func mayBeBlock(_ bytes: UnsafeBufferPointer<UInt8>, _ place: inout Int) -> Bool {
        while place < bytes.count, Self.isBlank(bytes[place]) { place += 1 }
        let first = place
        while place < bytes.count, Self.isDigit(bytes[place]) { place += 1 }
        guard place < bytes.count else { return false }
        switch bytes[place] {
        case UInt8(ascii: ">"), UInt8(ascii: "#"), UInt8(ascii: "-"), UInt8(ascii: "+"): return place == first
        case UInt8(ascii: "."), UInt8(ascii: ")"): return place > first
        default: return false
        }
    }

    /// Marks that may stand anywhere in a line, and the colon.
    private static func isNotable(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "@"), UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "`"),
            UInt8(ascii: "["), UInt8(ascii: "<"), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    // MARK: Bytes

    static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    static func isLetterOrDigit(_ byte: UInt8) -> Bool { Self.isLetter(byte) || Self.isDigit(byte) }
    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    static func isPunctuation(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !Self.isLetterOrDigit(byte)
    }

    /// Of the names of emoji.
    static func isEmojiByte(_ byte: UInt8) -> Bool {
        Self.isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "+")
    }

    /// Of the names of languages.
    static func isLanguageByte(_ byte: UInt8) -> Bool {
        Self.isEmojiByte(byte) || byte == UInt8(ascii: "#") || byte == UInt8(ascii: ".")
    }

    /// What RFC 3986 lets stand in an address but for brackets, which Markdown needs. White space, quotation marks,
    /// backslashes and control characters end one.
    static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "["),
            UInt8(ascii: "]"):
            false
        default: (0x21...0x7E).contains(byte)
        }
    }

    // MARK: Scalars

    /// What stands beside a mark.
    enum Neighbour {
        /// Or the text's edge.
        case space
        /// Letters, digits and what is joined to them.
        case word
        case other
    }

    static func neighbour(_ scalar: Unicode.Scalar) -> Neighbour {
        if scalar.value < 0x80 {
            let byte = UInt8(truncatingIfNeeded: scalar.value)
            if Self.isLetterOrDigit(byte) { return .word }
            return byte <= 0x20 ? .space : .other
        }
        return Self.isWord(scalar) ? .word : scalar.properties.isWhitespace ? .space : .other
    }

    /// For scalars beyond ASCII: whether they may stand in a word, and in an address.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber:
            true
        default: false
        }
    }

    /// The scalar that begins at a place, and how many bytes it has; what is no UTF-8 is one byte long and a word to
    /// nobody.
    static func scalar(_ bytes: [UInt8], at place: Int) -> (scalar: Unicode.Scalar, length: Int) {
        let first = bytes[place]
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, place + length <= bytes.count else { return ("\u{FFFD}", 1) }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for byte in bytes[(place + 1)..<(place + length)] { value = value << 6 | UInt32(byte & 0x3F) }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
    }

    static func neighbour(of bytes: [UInt8], before place: Int) -> Neighbour {
        guard place > 0 else { return .space }
        var start = place - 1
        while start > 0, place - start < 4, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return Self.neighbour(Self.scalar(bytes, at: start).scalar)
    }

    static func neighbour(of bytes: [UInt8], after place: Int) -> Neighbour {
        place < bytes.count ? Self.neighbour(Self.scalar(bytes, at: place).scalar) : .space
    }

    /// UTF-16 units that begin with a byte.
    static func units(_ byte: UInt8) -> Int { byte & 0xC0 == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1 }
}
