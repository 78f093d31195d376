import ChatModel

/// A word of a message that may name somebody: `@` and a name, outside of code and addresses.
package struct MentionWord: Hashable, Sendable {
    /// In lower case, without the `@`.
    package let name: String
    /// Of the `@`, in UTF-16 units, as browsers count.
    package let offset: Int

    /// The names that it may mean, the likeliest first: a mark at the end is the sentence's. No name ends with one any
    /// more; those that do are meant only where nobody has the shorter name.
    package var candidates: [String] {
        let short = MentionText.withoutMarksAtEnd(self.name)
        return short.isEmpty || short.utf8.count == self.name.utf8.count
            ? [self.name] : [String(short), self.name]
    }

    /// Whom everybody's word addresses.
    package enum Everybody: Hashable, Sendable {
        case channel
        case here
    }
    package var everybody: Everybody? {
        switch self.candidates.first {
        case "channel", "all": .channel
        case "here": .here
        default: nil
        }
    }
}

/// The words of a message that may name people, found where its Markdown is read, so that nobody is told of a name that
/// is not shown as one.
package enum MentionText {
    /// Words after it are plain text.
    package static let wordsMax = 200

    /// False for a text in which nobody can be named.
    package static func mayName(_ text: String) -> Bool { text.utf8.contains(UInt8(ascii: "@")) }

    /// In their order. Linear in the length of the text.
    package static func words(_ text: String) -> [MentionWord] {
        guard Self.mayName(text) else { return [] }
        var scanner = MarkdownScanner(text)
        scanner.scan()
        return scanner.words
    }

    static func withoutMarksAtEnd(_ name: String) -> Substring {
        var rest = Substring(name)
        while let last = rest.utf8.last, Self.isMark(last) { rest = rest.dropLast() }
        return rest
    }

    static func isMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
    static func isNameByte(_ byte: UInt8) -> Bool {
        MarkdownText.isLetterOrDigit(byte) || Self.isMark(byte)
    }
}

/// What an emoji of a client is called here.
package enum EmojiRule {
    /// `:name:` and `name` are one; skin tones are told apart.
    ///
    /// - Returns: nil for what can be no emoji: empty, over 64 bytes, or with white space or control characters in it.
    package static func normal(_ text: String) -> String? {
        var name = Substring(text)
        if name.utf8.count > 2, name.utf8.first == UInt8(ascii: ":"),
            name.utf8.last == UInt8(ascii: ":")
        {
            name = name.dropFirst().dropLast()
        }
        guard (1...64).contains(name.utf8.count) else { return nil }
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar.value > 0x20 && !(0x7F..<0xA0).contains(scalar.value)
                && !scalar.properties.isWhitespace
        }
        return isPlain ? String(name) : nil
    }

    /// Whether what `normal` gave may be put on a message: nothing in it is invisible, and its ASCII is that of names such
    /// as `+1`, `flag-de`, `man_dancing` and `wave::skin-tone-2`, or under a keycap. What has been put may be other, and is
    /// taken away as it is.
    package static func isAddable(_ name: String) -> Bool {
        !NameText.hasInvisible(name, tagsShow: true)
            && name.unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_", "-", "+", ".", ":", "#", "*": true
                default: !scalar.isASCII
                }
            }
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
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
            else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self).flatMap { Self.normal($0) }
    }
}
