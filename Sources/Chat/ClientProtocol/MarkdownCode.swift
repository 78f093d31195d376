/// A span of a text between two equal runs of backticks: nothing within means anything.
struct MarkdownCode: Hashable, Sendable {
    /// In bytes, with both runs.
    let range: Range<Int>
    /// Of each run.
    let ticks: Int

    /// From so many backticks on it may have many lines.
    static let blockTicks = 3
    var isBlock: Bool { self.ticks >= Self.blockTicks }

    /// A run of backticks outside of code can open, unless a backslash stands before it.
    private struct Run {
        let range: Range<Int>
        let line: Int
        let isEscaped: Bool
        /// The run that would end the code that this one opens.
        var end: Int?
    }

    /// Spans ascending. What is opened and never closed is no code.
    ///
    /// Linear: which run of the same length comes next is found from the back, once for all.
    static func spans(_ bytes: [UInt8], steps: inout Int) -> [MarkdownCode] {
        var runs = Self.runs(bytes, steps: &steps)
        guard runs.count > 1 else { return [] }
        var latest: [Int: Int] = [:]
        for index in runs.indices.reversed() {
            steps += 1
            let ticks = runs[index].range.count
            if let end = latest[ticks], ticks >= Self.blockTicks || runs[end].line == runs[index].line {
                runs[index].end = end
            }
            latest[ticks] = index
        }
        var spans: [MarkdownCode] = []
        var index = 0
        while index < runs.count {
            steps += 1
            let run = runs[index]
            if let end = run.end, !run.isEscaped {
                spans.append(
                    MarkdownCode(range: run.range.lowerBound..<runs[end].range.upperBound, ticks: run.range.count))
                index = end + 1
            } else {
                index += 1
            }
        }
        return spans
    }

    private static func runs(_ bytes: [UInt8], steps: inout Int) -> [Run] {
        var runs: [Run] = []
        var line = 0
        var backslashes = 0
        var place = 0
        while place < bytes.count {
            steps += 1
            switch bytes[place] {
            case UInt8(ascii: "`"):
                let start = place
                while place < bytes.count, bytes[place] == UInt8(ascii: "`") { place += 1 }
                steps += place - start
                runs.append(Run(range: start..<place, line: line, isEscaped: backslashes % 2 == 1))
                backslashes = 0
                continue
            case UInt8(ascii: "\\"): backslashes += 1
            case UInt8(ascii: "\n"):
                line += 1
                backslashes = 0
            default: backslashes = 0
            }
            place += 1
        }
        return runs
    }

    /// The language that the first line names, and how long the marks are, in bytes of ASCII.
    func marks(in bytes: [UInt8], steps: inout Int) -> (language: Range<Int>?, opening: Int, closing: Int) {
        guard self.isBlock else { return (nil, self.ticks, self.ticks) }
        let start = self.range.lowerBound + self.ticks
        let end = self.range.upperBound - self.ticks
        var place = start
        while place < end, place - start < Self.languageBytesMax, MarkdownText.isLanguageByte(bytes[place]) {
            place += 1
        }
        steps += place - start
        let language = start..<place
        if place < end, bytes[place] == UInt8(ascii: "\r") { place += 1 }
        guard place < end, bytes[place] == UInt8(ascii: "\n") else { return (nil, self.ticks, self.ticks) }
        place += 1
        // The line break before the last run is no part of the code, unless it is the one after the first.
        var closing = self.ticks
        if end > place, bytes[end - 1] == UInt8(ascii: "\n") {
            closing += end - 1 > place && bytes[end - 2] == UInt8(ascii: "\r") ? 2 : 1
        }
        return (language.isEmpty ? nil : language, place - self.range.lowerBound, closing)
    }

    private static let languageBytesMax = 32
}
