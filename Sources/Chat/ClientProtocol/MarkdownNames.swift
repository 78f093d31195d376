// Names of people and of emoji in a text.

extension MarkdownScanner {
    private static let nameBytesMax = 32
    private static let emojiBytesMax = 64

    /// `@` and a name, unless a word stands before it: then it is an address. Whether anybody has the name is not
    /// asked here.
    mutating func name() {
        guard MarkdownText.isLetterOrDigit(self.byte(after: 1)), self.mayNameBegin() else {
            return self.advance(ascii: 1)
        }
        var length = 1
        while MentionText.isNameByte(self.byte(after: length)) { length += 1 }
        self.steps += length
        // `_hello @ada_` ends with the mark of its beginning.
        if self.openUnderscores > 0 {
            while self.byte(after: length - 1) == UInt8(ascii: "_") { length -= 1 }
        }
        if length - 1 <= Self.nameBytesMax, self.words.count < MentionText.wordsMax {
            let folded = self.bytes[(self.place + 1)..<(self.place + length)].map {
                (0x41...0x5A).contains($0) ? $0 | 0x20 : $0
            }
            self.words.append(MentionWord(name: String(decoding: folded, as: UTF8.self), offset: self.unit))
        }
        self.advance(ascii: length)
    }

    private func mayNameBegin() -> Bool {
        guard self.place > 0 else { return true }
        let before = self.bytes[self.place - 1]
        return !MentionText.isNameByte(before)
            || before == UInt8(ascii: "_") && self.underscoresEnd == self.place
    }

    /// `:name:`, unless a word stands at either side: 10:30:00 is none.
    mutating func emoji() {
        var length = 1
        while length <= Self.emojiBytesMax, MarkdownText.isEmojiByte(self.byte(after: length)) { length += 1 }
        self.steps += length
        guard length > 1, self.byte(after: length) == UInt8(ascii: ":"),
            self.place == 0 || !MarkdownText.isLetterOrDigit(self.bytes[self.place - 1]),
            !MarkdownText.isLetterOrDigit(self.byte(after: length + 1))
        else { return self.advance(ascii: 1) }
        let name = self.bytes[(self.place + 1)..<(self.place + length)]
        // A number alone is one more often than it is an emoji, but for this one.
        guard name.contains(where: { !MarkdownText.isDigit($0) }) || name.elementsEqual("100".utf8) else {
            return self.advance(ascii: 1)
        }
        let start = self.unit
        self.advance(ascii: length + 1)
        self.add(.emoji(name: String(decoding: name, as: UTF8.self)), from: start)
    }
}
