/// What a line is by its beginning: a quote, a heading, a list item. It lasts to the line's end.
struct MarkdownBlock: Sendable {
    let kind: TextEntity.Kind
    let offset: Int
    /// The length of its marks, with the blanks around them.
    let opening: Int
}

extension MarkdownScanner {
    private static let quoteDepthMax = 8
    private static let indentationMax = 16

    /// Quotes in quotes, then a heading or a list item.
    mutating func openBlocks() {
        while self.blocks.count < Self.quoteDepthMax {
            let blanks = self.blanks(upTo: 3)
            guard self.byte(after: blanks) == UInt8(ascii: ">") else { break }
            self.open(.quote, blanks + (self.byte(after: blanks + 1) == UInt8(ascii: " ") ? 2 : 1))
        }
        if let level = self.headingLevel() {
            self.open(.heading(level: level), level + 1)
        } else if let item = self.listItem() {
            self.open(.listItem(number: item.number), item.opening)
        }
    }

    private mutating func open(_ kind: TextEntity.Kind, _ opening: Int) {
        self.blocks.append(MarkdownBlock(kind: kind, offset: self.unit, opening: opening))
        self.advance(ascii: opening)
    }

    private mutating func blanks(upTo max: Int) -> Int {
        var count = 0
        while count < max, MarkdownText.isBlank(self.byte(after: count)) { count += 1 }
        self.steps += count + 1
        return count
    }

    private func headingLevel() -> Int? {
        var level = 0
        while level < 7, self.byte(after: level) == UInt8(ascii: "#") { level += 1 }
        return (1...6).contains(level) && self.isMarkEnd(level) ? level : nil
    }

    private mutating func listItem() -> (number: Int?, opening: Int)? {
        let blanks = self.blanks(upTo: Self.indentationMax)
        switch self.byte(after: blanks) {
        case UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"):
            return self.isMarkEnd(blanks + 1) ? (nil, blanks + 2) : nil
        default: break
        }
        var number = 0
        var digits = 0
        // Nine digits can not overflow.
        while digits < 9, MarkdownText.isDigit(self.byte(after: blanks + digits)) {
            number = number * 10 + Int(self.byte(after: blanks + digits) - UInt8(ascii: "0"))
            digits += 1
        }
        self.steps += digits
        let mark = self.byte(after: blanks + digits)
        guard digits > 0, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ")"), self.isMarkEnd(blanks + digits + 1)
        else { return nil }
        return (number, blanks + digits + 2)
    }

    /// A blank ends the mark of a heading or an item, and something must follow in the line.
    private func isMarkEnd(_ distance: Int) -> Bool {
        guard MarkdownText.isBlank(self.byte(after: distance)) else { return false }
        let next = self.byte(after: distance + 1)
        return next != 0 && next != UInt8(ascii: "\n") && next != UInt8(ascii: "\r")
    }
}
