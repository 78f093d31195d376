import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

/// What people send who mean no good.
@Suite struct MarkdownAbuseTests {
    private static let schemes = ["http://", "https://", "mailto:"]

    private func parse(_ text: String) -> ParsedText { MessageParser.parse(text, mentions: [], broadcast: nil) }

    private func links(_ text: String) -> [String] {
        self.parse(text).entities.compactMap { if case .link(let url) = $0.kind { url } else { nil } }
    }

    @Test(arguments: [
        "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](java\tscript:alert(1))",
        "[a](java\nscript:alert(1))", "[a]( javascript:alert(1))", "[a](\u{1}javascript:alert(1))",
        "[a](javascript&#58;alert(1))", "[a](javascript&colon;alert(1))", "[a](&#x6A;avascript:alert(1))",
        "[a](java\u{0}script:alert(1))", "[a](javascript\u{FF1A}alert(1))", "[a](\\javascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](data:image/svg+xml,<svg onload=alert(1)>)",
        "[a](vbscript:msgbox(1))", "[a](file:///etc/passwd)", "[a](blob:null)", "[a](about:blank)",
        "[a](view-source:x)", "[a](intent://x#Intent;end)", "[a](//evil.example)", "[a](\\\\evil.example)",
        "[a](h\tttp://evil.example)", "[a](ht&Tab;tp://evil.example)", "[a](http&#58;//evil.example)",
        "[a](http:\\\\evil.example)", "[a](http:/evil.example)", "[a](http:evil.example)",
        "<javascript:alert(1)>", "<data:text/html,x>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
        "<script>alert(1)</script>", "<a href='javascript:alert(1)'>a</a>", "![a](javascript:alert(1))",
        "![a](data:image/png;base64,AA)", "javascript:alert(1)", "[[a](javascript:alert(1))](javascript:alert(2))",
        "[a](javascript:alert(1) \"http\")", "[a]: javascript:alert(1)\n\n[a]", "$$\\href{javascript:alert(1)}{a}$$",
        "\\(\\unicode{<img src=1 onerror=alert(1)>}\\)", "[a](mailto:)", "[a](mailto:javascript)",
        "[a](tel:1)", "[a](http://)", "[a](https://?x)", "[a](https:///x)", "[a](https://[::1]/)",
    ])
    func `no address of another scheme becomes a link`(text: String) {
        #expect(self.links(text).isEmpty)
    }

    @Test(
        arguments: [
            // What would leave the quotation marks of an attribute, or its address, is left out.
            ("http://a.example/\"onmouseover=alert(1)", ["http://a.example/"]),
            ("http://a.example/<script>", ["http://a.example/"]),
            ("http://a.example\\@evil.example", ["http://a.example"]),
            ("[a](http://a.example/\"onclick=x)", ["http://a.example/"]),
            ("[a](http://a.example/\tb)", ["http://a.example/"]),
            ("http://a.example/\u{202E}gnp.exe", ["http://a.example/"]),
            ("http://a.example\u{3000}b", ["http://a.example"]),
            ("http://a.example\u{200B}b", ["http://a.example"]),
            ("http://a.example/`b", ["http://a.example/"]),
            // Nothing shows one host and leads to another.
            ("https://known.example@evil.example/", []),
            ("[a](https://known.example:443@evil.example)", []),
            ("<https://known.example@evil.example>", []),
            ("https://a.example/@b", ["https://a.example/@b"]),
            // A link holds no link, an image is no more than one.
            ("[![a](http://b.example)](javascript:alert(1))", ["http://b.example"]),
            ("[a](http://javascript:alert(1))", ["http://javascript:alert(1)"]),
        ] as [(String, [String])])
    func `an address ends before what is none`(text: String, expected: [String]) {
        #expect(self.links(text) == expected)
    }

    @Test func `an address has at most 2,048 bytes`() {
        let head = "http://a.example/"
        let longest = head + String(repeating: "a", count: MarkdownAddress.bytesMax - head.utf8.count)
        #expect(self.links(longest) == [longest])
        #expect(self.links("[a](\(longest))") == [longest])
        #expect(self.links(longest + "a") == [])
        #expect(self.links("[a](\(longest)a) <\(longest)a>") == [])
    }

    // MARK: Time

    private static let units = [
        "*", "**", "* ", " *", "*a", "*a ", "a*", "*a*", "**a", "***a", "*a **b ", "*_", "_*~", "_a ", "__a ", "_", "~",
        "~~a ",
        "[", "]", "[](", "[a](", "](", "[a](http://a", "[a](http://a)", "](http://a)", "[[a](http://a)",
        "[*a](http://a)*",
        "[](http://a", "[a](http://a(", "`", "``a`", "`a``b```c", "```\n", "```a", "\\`", "\\", ">", "> ", ">\n",
        "> > ", ">>\n>",
        "-", "- ", "- - ", "#", "# ", "1.", "1. ", "1", "\n", " ", " \n", "\t", "@", "@a", "@a ", "@a_", "_@a_", ":",
        ":a", ":a:",
        "::", ":a:b", "<", "<#", "<#chn_", "<http://a", "<http://a ", "http://", "http://a ", "http://a)", "http://a*",
        "http:",
        "h", "http://a,", "mailto:", "mailto:a@", "(", ")", "\u{1F600}", "\u{6570}*", "&", "&amp;", "!", "![a](",
    ]

    private static func steps(_ text: String) -> Int {
        var scanner = MarkdownScanner(text)
        scanner.scan()
        return scanner.steps
    }

    private static func text(of unit: String, bytes: Int, tail: String = "") -> String {
        String(repeating: unit, count: (bytes - tail.utf8.count) / unit.utf8.count) + tail
    }

    @Test(arguments: Self.units)
    func `time is linear whatever is repeated`(unit: String) {
        for (tail, bytes) in [
            ("", MessageContent.textBytesMax), (")", 4_096), ("](http://a)", 4_096), ("\n```", 4_096),
        ] {
            let steps = Self.steps(Self.text(of: unit, bytes: bytes, tail: tail))
            #expect(steps <= 16 * bytes)
            // Four times as much if it were quadratic. Once there are too many links, the rest costs a little more.
            let half = Self.steps(Self.text(of: unit, bytes: bytes / 2, tail: tail))
            #expect(2 * steps <= 5 * half + 1_024)
        }
    }

    @Test func `time is linear for one half of this and one of that`() {
        let bytes = 1_024
        for first in Self.units {
            let head = Self.text(of: first, bytes: bytes / 2)
            for second in Self.units {
                let steps = Self.steps(head + Self.text(of: second, bytes: bytes / 2))
                #expect(steps <= 24 * bytes, "\(first) \(second)")
            }
        }
    }

    @Test func `runs of backticks of every length cost no more than their bytes`() {
        let runs = (1...170).map { String(repeating: "`", count: $0) }
        for text in [runs.joined(separator: "@a"), runs.reversed().joined(separator: "\n")] {
            #expect(Self.steps(text) <= 8 * text.utf8.count)
            #expect(MentionText.words(text).count <= MentionText.wordsMax)
        }
    }

    // MARK: Chance

    private static let pieces =
        Self.units + [
            "a", "b c", "ada", "@ada", "@here", "@channel", "_@ada_", "\r\n", "\n\n", "```swift\n", "\u{E9}",
            "\u{200D}", "\u{3000}",
            "chn_0000000000000000000000000a", "<#chn_0000000000000000000000000a>",
            "<#chn_0000000000000000000000000a.3>",
            "https://a.example/b_(c)", "[a](https://b.example)", "<mailto:a@b.example>", ":+1:", "\u{0}", "\u{FEFF}",
        ]

    @Test(arguments: 0..<8)
    func `whatever a text holds, its entities lie in it, nest, and are the same each time`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let ada = Mention(user: UserID(high: 1, low: 1), name: "ada")
        for round in 0..<1_000 {
            let count = Int.random(in: 1...(round % 50 == 0 ? 2_000 : 40), using: &generator)
            var text = ""
            while text.utf8.count < count {
                text += Self.pieces[Int.random(in: Self.pieces.indices, using: &generator)]
            }
            try self.check(text, ada)
        }
    }

    private func check(_ text: String, _ ada: Mention) throws {
        let parsed = MessageParser.parse(text, mentions: [ada], broadcast: .channel)
        #expect(parsed == MessageParser.parse(text, mentions: [ada], broadcast: .channel))
        let units = Array(text.utf16)
        var outer: [TextEntity] = []
        var counts: [String: Int] = [:]
        var previous: TextEntity?
        for entity in parsed.entities {
            counts[entity.kind.name, default: 0] += 1
            try #require(
                entity.offset >= 0 && entity.length > 0 && entity.end <= units.count, "\(text.debugDescription)")
            try #require(entity.opening + entity.closing <= entity.length, "\(text.debugDescription)")
            let inner = (entity.offset + entity.opening, entity.end - entity.closing)
            for place in [entity.offset, entity.end, inner.0, inner.1] where place < units.count {
                #expect(!(0xDC00...0xDFFF).contains(units[place]), "\(text.debugDescription)")
            }
            if let previous {
                let isSorted = (previous.offset, entity.length) < (entity.offset, previous.length)
                #expect(isSorted, "\(text.debugDescription)")
            }
            previous = entity
            while let last = outer.last, last.end <= entity.offset { outer.removeLast() }
            if let last = outer.last {
                // Within what the other's marks enclose, not only within the other.
                #expect(
                    last.offset + last.opening <= entity.offset && entity.end <= last.end - last.closing,
                    "\(text.debugDescription)")
                #expect(!last.kind.isCode, "\(text.debugDescription)")
            }
            if case .link(let url) = entity.kind {
                #expect(Self.schemes.contains { url.hasPrefix($0) })
                #expect(!url.unicodeScalars.contains { $0.value <= 0x20 || "\"<>\\`".unicodeScalars.contains($0) })
                #expect(!outer.contains { $0.kind.name == "link" })
            }
            outer.append(entity)
        }
        #expect(counts.values.allSatisfy { $0 <= MessageParser.shapesMax })
        for kind in ["link", "emoji", "mention", "channel", "message_link", "broadcast"] {
            #expect(counts[kind, default: 0] <= MessageParser.eachMax)
        }
        #expect(MarkdownText.mayHaveMarks(text) || parsed.entities.isEmpty)
        // Who is told is who is shown.
        let words = MentionText.words(text).filter { $0.candidates.contains("ada") }.map(\.offset)
        let shown = parsed.entities.compactMap { if case .mention = $0.kind { $0.offset } else { nil } }
        #expect(shown == Array(words.prefix(MessageParser.eachMax)), "\(text.debugDescription)")
        var scanner = MarkdownScanner(text)
        scanner.scan()
        #expect(scanner.steps <= 24 * text.utf8.count + 64)
    }
}

extension TextEntity.Kind {
    fileprivate var isCode: Bool {
        switch self {
        case .code, .pre: true
        default: false
        }
    }
}
