import ChatModel

/// A word of a message that may name somebody: `@` and a name, outside of code.
package struct MentionWord: Hashable, Sendable {
    /// In lower case, without the `@`.
    package let name: String
    /// Of the `@`, in UTF-16 units, as browsers count.
    package let offset: Int

    /// The names that it may mean, the likeliest first: a full stop at the end is the sentence's more often than not.
    package var candidates: [String] {
        var short = Substring(self.name)
        while let last = short.utf8.last, MentionText.isMark(last) { short = short.dropLast() }
        return short.isEmpty || short.utf8.count == self.name.utf8.count ? [self.name] : [self.name, String(short)]
    }

    /// Whom everybody's word addresses.
    package enum Everybody: Hashable, Sendable {
        case channel
        case here
    }
    package var everybody: Everybody? {
        switch self.candidates.last {
        case "channel", "all": .channel
        case "here": .here
        default: nil
        }
    }
}

/// Finds the words of a message that may name people. Linear in the length of the text.
package enum MentionText {
    /// Words after it are plain text.
    package static let wordsMax = 200
    private static let nameBytesMax = 32

    /// False for a text in which nobody can be named.
    package static func mayName(_ text: String) -> Bool { text.utf8.contains(UInt8(ascii: "@")) }

    package static func words(_ text: String) -> [MentionWord] {
        guard Self.mayName(text) else { return [] }
        let bytes = Array(text.utf8)
        let code = Self.code(bytes)
        var words: [MentionWord] = []
        var place = 0
        var offset = 0
        var nextCode = 0
        while place < bytes.count, words.count < Self.wordsMax {
            if nextCode < code.count, place == code[nextCode].lowerBound {
                offset += Self.units(bytes[code[nextCode]])
                place = code[nextCode].upperBound
                nextCode += 1
                continue
            }
            if bytes[place] == UInt8(ascii: "@"), place == 0 || !Self.isWordByte(bytes[place - 1]) {
                let name = bytes[(place + 1)...].prefix { Self.isNameByte($0) }
                if !name.isEmpty, name.count <= Self.nameBytesMax {
                    let folded = name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
                    words.append(MentionWord(name: String(decoding: folded, as: UTF8.self), offset: offset))
                }
                place += 1 + name.count
                offset += 1 + name.count
                continue
            }
            offset += Self.units(bytes[place...place])
            place += 1
        }
        return words
    }

    /// Spans between equal runs of backticks, ascending.
    private static func code(_ bytes: [UInt8]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var place = 0
        while place < bytes.count {
            guard bytes[place] == UInt8(ascii: "`") else {
                place += 1
                continue
            }
            let start = place
            while place < bytes.count, bytes[place] == UInt8(ascii: "`") { place += 1 }
            runs.append(start..<place)
        }
        // From the back: which run of the same length comes next.
        var next: [Int?] = Array(repeating: nil, count: runs.count)
        var latest: [Int: Int] = [:]
        for run in runs.indices.reversed() {
            next[run] = latest[runs[run].count]
            latest[runs[run].count] = run
        }
        var spans: [Range<Int>] = []
        var run = 0
        while run < runs.count {
            if let end = next[run] {
                spans.append(runs[run].lowerBound..<runs[end].upperBound)
                run = end + 1
            } else {
                run += 1
            }
        }
        return spans
    }

    /// UTF-16 units that begin in these bytes.
    private static func units(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : $1 >= 0xF0 ? 2 : 1) }
    }

    static func isMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    private static func isNameByte(_ byte: UInt8) -> Bool { Self.isLetterOrDigit(byte) || Self.isMark(byte) }
    /// Before an `@` it makes an address of it, not a name.
    private static func isWordByte(_ byte: UInt8) -> Bool { Self.isNameByte(byte) }
}

/// What an emoji of a client is called here.
package enum EmojiRule {
    /// `:name:` and `name` are one; skin tones are told apart.
    ///
    /// - Returns: nil for what can be no emoji: empty, over 64 bytes, or with white space or control characters in it.
    package static func normal(_ text: String) -> String? {
        var name = Substring(text)
        if name.utf8.count > 2, name.utf8.first == UInt8(ascii: ":"), name.utf8.last == UInt8(ascii: ":") {
            name = name.dropFirst().dropLast()
        }
        guard (1...64).contains(name.utf8.count) else { return nil }
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar.value > 0x20 && !(0x7F..<0xA0).contains(scalar.value) && !scalar.properties.isWhitespace
        }
        return isPlain ? String(name) : nil
    }

    /// The part of a path that names an emoji; nil for what is not well-formed, which names nothing.
    package static func normal(pathPart text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46: byte - 0x41 + 10
            case 0x61...0x66: byte - 0x61 + 10
            default: nil
            }
        }
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self).flatMap { Self.normal($0) }
    }
}
