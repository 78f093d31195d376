import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

/// What the table below says of an entity: its type, its extent and what its marks enclose, as the text has it.
private func shown(_ text: String, mentions: [Mention] = [], broadcast: Broadcast? = nil) -> [String] {
    let units = Array(text.utf16)
    return MessageParser.parse(text, mentions: mentions, broadcast: broadcast).entities.map { entity in
        let inner = units[(entity.offset + entity.opening)..<(entity.end - entity.closing)]
        let detail =
            switch entity.kind {
            case .pre(let language?): "(\(language))"
            case .heading(let level): "(\(level))"
            case .listItem(let number?): "(\(number))"
            case .link(let url): "(\(url))"
            case .broadcast(let name), .emoji(let name): "(\(name))"
            case .channel(let channel): "(\(channel))"
            case .messageLink(let message): "(\(message))"
            case .bold, .italic, .strike, .code, .pre, .quote, .listItem, .mention: ""
            }
        return "\(entity.kind.name)\(detail) \(entity.offset) \(String(decoding: inner, as: UTF16.self))"
    }
}

@Suite struct MarkdownTests {
    @Test(
        arguments: [
            ("**a** b", ["bold 0 a"]),
            ("__a__", ["bold 0 a"]),
            ("*a* _b_", ["italic 0 a", "italic 4 b"]),
            ("~~a~~ ~b~", ["strike 0 a", "strike 6 b"]),
            ("**a *b* c**", ["bold 0 a *b* c", "italic 4 b"]),
            ("*a **b** c*", ["italic 0 a **b** c", "bold 3 b"]),
            ("***a***", ["italic 0 **a**", "bold 1 a"]),
            ("***a** b*", ["italic 0 **a** b", "bold 1 a"]),
            ("***a* b**", ["bold 0 *a* b", "italic 2 a"]),
            ("**_~~a~~_**", ["bold 0 _~~a~~_", "italic 2 ~~a~~", "strike 3 a"]),
            // What was opened last is closed first; what is left over is text.
            ("**a _b** c_", ["bold 0 a _b"]),
            ("*a *b*", ["italic 3 b"]),
            ("**a*", []),
            // Marks beside blanks, within words and in rows mean nothing.
            ("a * b * c", []),
            ("** a **", []),
            ("snake_case_name and __init", []),
            ("2*3*4 = 24", []),
            ("****a****", []),
            ("~5 to ~6, a~b~c", []),
            ("-- * --", []),
            ("\u{AF}\\_(\u{30C4})_/\u{AF}", []),
            (#"\*a\* \`b\` \\*c*"#, ["italic 14 c"]),
            // Words of scripts without blanks.
            ("\u{4E2D}\u{6587}**\u{7C97}\u{4F53}**\u{4E2D}\u{6587}", ["bold 2 \u{7C97}\u{4F53}"]),
            ("\u{E9}_a_", []),
            ("\u{FF08}_a_\u{FF09}", ["italic 1 a"]),
            ("*\u{3000}a*", []),
            // It ends with its line.
            ("*a\nb*", []),
            ("**a\n**b**", ["bold 4 b"]),
        ] as [(String, [String])])
    func `marks shape what they enclose`(text: String, expected: [String]) {
        #expect(shown(text) == expected)
    }

    @Test(
        arguments: [
            ("`a` b", ["code 0 a"]),
            ("``a ` b``", ["code 0 a ` b"]),
            ("`a` `", ["code 0 a"]),
            (
                "`*a* [b](http://c.example) :d: http://e.example`",
                ["code 0 *a* [b](http://c.example) :d: http://e.example"]
            ),
            ("*a `*` b*", ["italic 0 a `*` b", "code 3 *"]),
            (#"`a\` b`"#, [#"code 0 a\"#]),
            ("`a\nb`", []),
            // A backtick behind a backslash opens nothing, and leaves the next one its end.
            (#"\`a` b` c"#, ["code 3  b"]),
            ("```\na\n```", ["pre 0 a"]),
            ("```swift\nlet a = 1\n\n```", ["pre(swift) 0 let a = 1\n"]),
            ("```c++\r\na\r\n```", ["pre(c++) 0 a"]),
            ("see ```a``` there", ["pre 4 a"]),
            ("```not a language\na\n```", ["pre 0 not a language\na\n"]),
            ("```\n```", ["pre 0 "]),
            ("````\n```\n````", ["pre 0 ```"]),
            ("```\n*a*", ["italic 4 a"]),
            ("```\n# a\n> b\n- c\n```\n# d", ["pre 0 # a\n> b\n- c", "heading(1) 20 d"]),
            ("**a ```\nb\n``` c**", ["bold 0 a ```\nb\n``` c", "pre 4 b"]),
            ("> ```\n> a\n> ```\n> b", ["quote 0 ```\n> a\n> ```", "pre 2 > a\n> ", "quote 16 b"]),
        ] as [(String, [String])])
    func `nothing within code means anything`(text: String, expected: [String]) {
        #expect(shown(text) == expected)
    }

    @Test(
        arguments: [
            ("> a *b*\nc", ["quote 0 a *b*", "italic 4 b"]),
            (">a\n> > b", ["quote 0 a", "quote 3 > b", "quote 5 b"]),
            (">>> a", ["quote 0 >> a", "quote 1 > a", "quote 2 a"]),
            ("> # a", ["quote 0 # a", "heading(1) 2 a"]),
            ("> - a", ["quote 0 - a", "list_item 2 a"]),
            ("# a\n###### b", ["heading(1) 0 a", "heading(6) 4 b"]),
            ("####### a\n#b\n#\n# ", []),
            ("- a\n* b\n+ c", ["list_item 0 a", "list_item 4 b", "list_item 8 c"]),
            ("  - a\n\t- b", ["list_item 0 a", "list_item 6 b"]),
            ("1. a\n20) b\n123456789. c", ["list_item(1) 0 a", "list_item(20) 5 b", "list_item(123456789) 11 c"]),
            ("1234567890. a\n1.a\n-a\n-\n- ", []),
            ("* *a* b", ["list_item 0 *a* b", "italic 2 a"]),
            ("a > b\na - b\na # b", []),
        ] as [(String, [String])])
    func `a line is what it begins with`(text: String, expected: [String]) {
        #expect(shown(text) == expected)
    }

    @Test(
        arguments: [
            ("http://a.example", ["link(http://a.example) 0 http://a.example"]),
            ("(see https://a.example/b_(c)).", ["link(https://a.example/b_(c)) 5 https://a.example/b_(c)"]),
            ("HTTPS://A.example/B!", ["link(https://A.example/B) 0 HTTPS://A.example/B"]),
            ("mailto:ada@a.example, me", ["link(mailto:ada@a.example) 0 mailto:ada@a.example"]),
            ("**https://a.example**", ["bold 0 https://a.example", "link(https://a.example) 2 https://a.example"]),
            ("https://a.example/_b_*c*", ["link(https://a.example/_b_*c) 0 https://a.example/_b_*c"]),
            (
                "https://a.example/\u{8DEF}\u{3002}\u{6587}",
                ["link(https://a.example/\u{8DEF}) 0 https://a.example/\u{8DEF}"]
            ),
            ("<https://a.example/b.>", ["link(https://a.example/b.) 0 https://a.example/b."]),
            ("<https://a.example b>", ["link(https://a.example) 1 https://a.example"]),
            ("[a *b*](https://c.example)", ["link(https://c.example) 0 a *b*", "italic 3 b"]),
            ("[a](https://b.example/c(d)e)", ["link(https://b.example/c(d)e) 0 a"]),
            // A link holds no link.
            ("[http://a.example](http://b.example)", ["link(http://b.example) 0 http://a.example"]),
            (
                "[a [b](http://c.example) d](http://e.example)",
                [
                    "link(http://c.example) 3 b", "link(http://e.example) 28 http://e.example",
                ]
            ),
            // Emphasis is within a link's text, or around the link.
            ("*a [b* c](http://d.example)", ["link(http://d.example) 3 b* c"]),
            (
                "*a [b](http://c.example) d*",
                [
                    "italic 0 a [b](http://c.example) d", "link(http://c.example) 3 b",
                ]
            ),
            ("[*a](http://b.example) c*", ["link(http://b.example) 0 *a"]),
            // No address, no text, no link.
            ("[a](b) [c] (http://d.example)", ["link(http://d.example) 12 http://d.example"]),
            ("[](http://a.example)", ["link(http://a.example) 3 http://a.example"]),
            ("[a](/b) [a](//b.example) [a](ftp://b.example) [a]()", []),
            ("xhttp://a.example http:// https://. mailto: mailto:a", []),
            (#"\[a](http://b.example)"#, ["link(http://b.example) 5 http://b.example"]),
        ] as [(String, [String])])
    func `addresses are links`(text: String, expected: [String]) {
        #expect(shown(text) == expected)
    }

    @Test(
        arguments: [
            (":wave: (:+1:)", ["emoji(wave) 0 :wave:", "emoji(+1) 8 :+1:"]),
            (":wave::skin-tone-2:", ["emoji(wave) 0 :wave:", "emoji(skin-tone-2) 6 :skin-tone-2:"]),
            ("*:a_b_c:*", ["italic 0 :a_b_c:", "emoji(a_b_c) 1 :a_b_c:"]),
            (":100:", ["emoji(100) 0 :100:"]),
            ("10:30:00 a:b:c :30: :: :a b: :a", []),
            (#"\:wave:"#, []),
            ("\u{1F600}\u{1F468}\u{200D}\u{1F469} :a:", ["emoji(a) 8 :a:"]),
        ] as [(String, [String])])
    func `names between colons are emoji`(text: String, expected: [String]) {
        #expect(shown(text) == expected)
    }

    @Test func `ids between angles refer to channels and messages`() {
        let channel = ChannelID(high: 7, low: 9)
        let message = MessageID(channel: channel, seq: 42)
        #expect(shown("in <#\(channel)>") == ["channel(\(channel)) 3 <#\(channel)>"])
        #expect(shown("\u{1F44B}<#\(message)>") == ["message_link(\(message)) 2 <#\(message)>"])
        let last = MessageID(channel: channel, seq: .max)
        #expect(shown("<#\(last)>") == ["message_link(\(last)) 0 <#\(last)>"])
        for text in ["<#\(channel)", "<#\(channel).0>", "<#\(channel).>", "<#\(last)0>", "<#>", "`<#\(channel)>`"] {
            #expect(shown(text).allSatisfy { $0.hasPrefix("code") })
        }
    }

    @Test func `offsets count UTF-16 units behind anything`() {
        #expect(shown("\u{1F44B}\u{1F3FD} *a*") == ["italic 5 a"])
        #expect(shown("\u{6570}\u{636E} `\u{5E93}` *\u{1F389}*") == ["code 3 \u{5E93}", "italic 7 \u{1F389}"])
        #expect(shown("e\u{301}\n\u{1F600}\n> \u{1F600} :a:") == ["quote 6 \u{1F600} :a:", "emoji(a) 11 :a:"])
        #expect(shown("```\n\u{1F600}\n``` *a*") == ["pre 0 \u{1F600}", "italic 11 a"])
    }

    @Test func `links and emoji are listed once, in their order`() {
        let parsed = MessageParser.parse(
            ":b: :a: :b: http://b.example [x](http://a.example) http://b.example", mentions: [], broadcast: nil)
        #expect(parsed.emoji == ["b", "a"])
        #expect(parsed.links == ["http://b.example", "http://a.example"])
    }

    @Test func `of each kind there are at most so many`() {
        let ada = Mention(user: UserID(high: 1, low: 1), name: "ada")
        let channel = ChannelID(high: 7, low: 9)
        let text = (0..<60).map { "@ada :e\($0): http://\($0).example <#\(channel)> <#\(channel).1>" }
        let parsed = MessageParser.parse(text.joined(separator: " "), mentions: [ada], broadcast: nil)
        for kind in ["mention", "emoji", "link", "channel", "message_link"] {
            #expect(parsed.entities.count { $0.kind.name == kind } == MessageParser.eachMax)
        }
        #expect(parsed.links.count == 50 && parsed.emoji.count == 50)
        // Nobody is named in an address, be it a link or beyond the last one.
        let after = text.joined(separator: " ") + " http://x.example/@grace :@grace"
        #expect(MentionText.words(after).filter { $0.name == "grace" }.count == 1)
        let shapes = MessageParser.parse(String(repeating: "*a* ", count: 4_000), mentions: [], broadcast: nil)
        #expect(shapes.entities.count == MessageParser.shapesMax)
    }

    @Test func `a plain text is not read`() {
        for text in [
            "", "Good morning", "note: at 10. 5 o'clock", "well-known, isn't it?", "a > b # c + d - e",
            "3 people\n4th time", "\u{1F44B} \u{6570}\u{636E}\u{5E93}", "a\\b ] ) (c)",
        ] { #expect(!MarkdownText.mayHaveMarks(text)) }
        for text in ["@a", " - a", "a\n> b", "12. a", ":a:", "http://a", "`", "a\n\n  # b"] {
            #expect(MarkdownText.mayHaveMarks(text))
        }
    }

    @Test func `the form on the wire says what every kind needs`() {
        let ada = Mention(user: UserID(high: 1, low: 1), name: "ada")
        let content = MessageContent(
            text: "# @ada\n1. *a*\n```c\nd\n```\n:e: <http://f.example>", clientID: nil, thread: nil,
            mentions: [ada, ada],
            broadcast: .here([ada.user]))
        var writer = JSONWriter()
        writer.value(MessageParser.parse(content))
        let expected =
            #"{"entities":[{"type":"heading","offset":0,"length":6,"open":2,"close":0,"level":1},"#
            + #"{"type":"mention","offset":2,"length":4,"user_id":"\#(ada.user)"},"#
            + #"{"type":"list_item","offset":7,"length":6,"open":3,"close":0,"number":1},"#
            + #"{"type":"italic","offset":10,"length":3,"open":1,"close":1},"#
            + #"{"type":"pre","offset":14,"length":10,"open":5,"close":4,"language":"c"},"#
            + #"{"type":"emoji","offset":25,"length":3,"name":"e"},"#
            + #"{"type":"link","offset":29,"length":18,"open":1,"close":1,"url":"http://f.example"}],"#
            + #""mentions":["\#(ada.user)"],"mentions_channel":false,"here_user_ids":["\#(ada.user)"],"#
            + #""links":["http://f.example"],"emoji":["e"]}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }
}
