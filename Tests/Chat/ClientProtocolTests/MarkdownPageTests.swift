import ChatModel
import Foundation
import Testing

@testable import ClientProtocol

/// The table of docs/api/messages.md against the parser.
@Suite struct MarkdownPageTests {
    /// Text and entity of each row. A cell's first piece of code is its example, `⏎` a line break in it.
    private let rows: [(text: String, entity: String)]

    init() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/api/messages.md"), encoding: .utf8)
        self.rows = page.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|")
            guard cells.count == 2, let text = Self.code(cells[0]), let entity = Self.code(cells[1]),
                entity.hasPrefix("{")
            else { return nil }
            return (text.replacing("⏎", with: "\n"), entity)
        }
    }

    private static func code(_ cell: Substring) -> String? {
        let parsed = MessageParser.parse(String(cell), mentions: [], broadcast: nil)
        guard let first = parsed.entities.first(where: { $0.kind.name == "code" || $0.kind.name == "pre" }) else {
            return nil
        }
        let units = Array(String(cell).utf16)[(first.offset + first.opening)..<(first.end - first.closing)]
        let text = String(decoding: units, as: UTF16.self)
        // A blank at either side keeps backticks apart.
        return text.hasPrefix(" ") && text.hasSuffix(" ") ? String(text.dropFirst().dropLast()) : text
    }

    @Test func `every example on the page means what the page says`() {
        let ada = Mention(user: UserID(high: 0, low: 1), name: "ada")
        for row in self.rows {
            let parsed = MessageParser.parse(row.text, mentions: [ada], broadcast: .channel)
            var writer = JSONWriter()
            writer.value(parsed)
            #expect(
                String(decoding: writer.bytes, as: UTF8.self).hasPrefix(#"{"entities":[\#(row.entity)],"#),
                "\(row.text)")
        }
    }

    @Test func `every type is on the page`() {
        for name in [
            "bold", "italic", "strike", "code", "pre", "quote", "heading", "list_item", "link", "mention", "broadcast",
            "channel", "emoji", "message_link",
        ] { #expect(self.rows.contains { $0.entity.hasPrefix(#"{"type":"\#(name)""#) }, "\(name)") }
    }
}
