import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct SearchTextTests {
    private func words(_ text: String) throws -> [SearchWords] {
        try SearchText(text).terms.filter { !$0.isExcluded }.map(\.words)
    }

    @Test func `words, phrases, prefixes and exclusions`() throws {
        let text = try SearchText("  lunch \"next to\tus\" qua* -rain -\"or snow\" ")
        #expect(
            text.terms == [
                SearchTerm(words: .word("lunch"), isExcluded: false),
                SearchTerm(words: .phrase("next to\tus"), isExcluded: false),
                SearchTerm(words: .prefix("qua"), isExcluded: false),
                SearchTerm(words: .word("rain"), isExcluded: true),
                SearchTerm(words: .phrase("or snow"), isExcluded: true),
            ])
    }

    @Test func `operators`() throws {
        let text = try SearchText(
            "from:@Ada in:#general has:link HAS:pin before:2026-02-01 after:2026-01-01T10:00:00Z plan")
        #expect(text.from == "Ada" && text.channel == "general" && text.features == 5)
        #expect(text.before == CalendarTime("2026-02-01T00:00:00Z")?.timestamp)
        #expect(text.after == CalendarTime("2026-01-01T10:00:00Z")?.timestamp)
        #expect(text.terms.map(\.words) == [.word("plan")])
    }

    @Test func `what looks like an operator and is none is a word`() throws {
        #expect(
            try self.words("http://example.org at:noon from: \"from:me\" -in:x a:b:c") == [
                .word("http://example.org"), .word("at:noon"), .word("from:"), .phrase("from:me"), .word("a:b:c"),
            ])
    }

    @Test(arguments: ["", "   ", "-", "\"", "\"\"", "*", "!!! ??? -- \"…\"", "🎉", "\u{0}\u{1}"])
    func `nothing to look for is empty`(text: String) throws {
        #expect(try SearchText(text).isEmpty)
    }

    @Test func `a quotation mark that is not closed goes on to the end`() throws {
        #expect(try self.words("a\"b c") == [.word("a"), .phrase("b c")])
        #expect(try self.words("x \"y") == [.word("x"), .phrase("y")])
    }

    @Test func `scripts without spaces and marks are words`() throws {
        #expect(try self.words("数据库 é Ⅷ ٣") == [.word("数据库"), .word("é"), .word("Ⅷ"), .word("٣")])
    }

    @Test(arguments: [
        String(repeating: "a ", count: 17), String(repeating: "a", count: 257), String(repeating: " ", count: 1_025),
        "has:nothing", "before:noon", "after:2026-13-01", "from:a from:b", "in:a in:b",
    ])
    func `too much, and operators that can not be meant, are refused`(text: String) {
        #expect(throws: Problem.self) { try SearchText(text) }
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `any text is taken apart or refused`(seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        let pieces = [
            "\"", "-", "*", ":", " ", "from:", "has:link", "before:", "a", "数", "é", "\u{301}", "\u{0}", "\n", "🎉",
        ]
        let text = (0..<Int(chance.next() % 40)).map { _ in pieces[Int(chance.next() % UInt64(pieces.count))] }.joined()
        do {
            let parsed = try SearchText(text)
            #expect(parsed.terms.count <= SearchText.termsMax)
            #expect(parsed.terms.allSatisfy { !$0.words.text.isEmpty })
        } catch {
            #expect(error.code == .invalid)
        }
    }
}
