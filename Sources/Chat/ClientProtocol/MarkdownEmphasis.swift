/// What one of the marks `*`, `_`, `~` does where it stands, or where the text of a link begins and ends.
struct EmphasisRun: Sendable {
    enum Role: Sendable {
        case mark(UInt8)
        /// Means nothing, unless the link comes about.
        case bracket
        case linkStart
        case linkEnd
    }

    var role: Role
    /// Of its first mark.
    var offset: Int
    /// 1 to 3.
    var count: Int
    var canOpen: Bool
    var canClose: Bool

    static func boundary(_ role: Role, at offset: Int) -> EmphasisRun {
        EmphasisRun(role: role, offset: offset, count: 0, canOpen: false, canClose: false)
    }
}

extension MarkdownScanner {
    /// Runs that wait for their end, at most; older ones are plain text. It bounds how deep emphasis nests.
    private static let depthMax = 16

    /// A run of one mark.
    mutating func emphasis() {
        let mark = self.bytes[self.place]
        var count = 1
        while self.byte(after: count) == mark { count += 1 }
        self.steps += count
        let run = self.run(of: mark, count)
        if let run { self.runs.append(run) }
        self.advance(ascii: count)
        guard mark == UInt8(ascii: "_"), let run else { return }
        if run.canClose, self.openUnderscores > 0 {
            self.openUnderscores -= 1
        } else if run.canOpen {
            self.openUnderscores += 1
            self.underscoresEnd = self.place
        }
    }

    /// - Returns: nil for what is plain text.
    private func run(of mark: UInt8, _ count: Int) -> EmphasisRun? {
        guard count <= (mark == UInt8(ascii: "~") ? 2 : 3) else { return nil }
        let before = MarkdownText.neighbour(of: self.bytes, before: self.place)
        let after = MarkdownText.neighbour(of: self.bytes, after: self.place + count)
        var canOpen = after != .space
        var canClose = before != .space
        // `snake_case` and `a~b` are words; `**` may stand within one, since not all scripts put blanks between words.
        if mark == UInt8(ascii: "_") || mark == UInt8(ascii: "~") && count == 1 {
            canOpen = canOpen && before != .word
            canClose = canClose && after != .word
        }
        // 2*3*4 is a product.
        if mark == UInt8(ascii: "*"), count == 1, self.place > 0, MarkdownText.isDigit(self.bytes[self.place - 1]),
            MarkdownText.isDigit(self.byte(after: 1))
        {
            return nil
        }
        guard canOpen || canClose else { return nil }
        return EmphasisRun(role: .mark(mark), offset: self.unit, count: count, canOpen: canOpen, canClose: canClose)
    }

    /// Pairs the runs of a line. A run closes the nearest one that fits it; those in between are plain text, so
    /// entities never cross. Nothing within a link's text is paired with anything without.
    mutating func pairEmphasis() {
        var open: [EmphasisRun] = []
        var floor = 0
        for var run in self.runs {
            self.steps += 1
            switch run.role {
            case .bracket: break
            case .linkStart: floor = open.count
            case .linkEnd:
                open.removeLast(open.count - floor)
                floor = 0
            case .mark(let mark):
                if run.canClose { self.close(&run, mark, &open, floor) }
                guard run.count > 0, run.canOpen else { break }
                if open.count == Self.depthMax {
                    open.removeFirst()
                    floor = Swift.max(0, floor - 1)
                }
                open.append(run)
            }
        }
    }

    private mutating func close(_ run: inout EmphasisRun, _ mark: UInt8, _ open: inout [EmphasisRun], _ floor: Int) {
        while run.count > 0, let index = self.opener(of: run, mark, open, floor) {
            open.removeLast(open.count - index - 1)
            // Three marks are one and two: the inner pair has two if it can.
            let count = Swift.min(2, open[index].count, run.count)
            open[index].count -= count
            let start = open[index].offset + open[index].count
            let end = run.offset + count
            self.add(
                TextEntity(
                    Self.kind(mark, count), offset: start, length: end - start, opening: count, closing: count))
            run.offset = end
            run.count -= count
            if open[index].count == 0 { open.removeLast() }
        }
    }

    /// The nearest that has as many marks, or one of both has three.
    private mutating func opener(
        of run: EmphasisRun, _ mark: UInt8, _ open: [EmphasisRun], _ floor: Int
    ) -> Int? {
        for index in (floor..<open.count).reversed() {
            self.steps += 1
            guard case .mark(mark) = open[index].role else { continue }
            if open[index].count == run.count || open[index].count == 3 || run.count == 3 { return index }
        }
        return nil
    }

    private static func kind(_ mark: UInt8, _ count: Int) -> TextEntity.Kind {
        mark == UInt8(ascii: "~") ? .strike : count == 2 ? .bold : .italic
    }
}
