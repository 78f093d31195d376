import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct MentionTextTests {
    private func names(_ text: String) -> [String] { MentionText.words(text).map(\.name) }

    @Test func `a name follows its sign, outside of words and of code`() {
        #expect(self.names("@Ada and @grace.h") == ["ada", "grace.h"])
        #expect(self.names("mail ada@example.org") == [])
        #expect(self.names("(@ada)") == ["ada"])
        #expect(self.names("`@ada` @grace") == ["grace"])
        #expect(self.names("```\n@ada ` @linus\n``` @grace") == ["grace"])
        // What is opened and never closed is no code.
        #expect(self.names("` @ada") == ["ada"])
        #expect(self.names("@ @@ada @ @-ada") == ["ada"])
        // Code of one or two backticks ends with its line.
        #expect(self.names("it`s @ada\ndon`t") == ["ada"])
    }

    @Test func `nobody is named in an address or behind a backslash`() {
        #expect(self.names("https://blog.example/@ada <https://blog.example/@ada> @grace") == ["grace"])
        #expect(self.names("[@ada](https://blog.example/@grace)") == ["ada"])
        #expect(self.names(#"\@ada \\@grace"#) == ["grace"])
    }

    @Test func `a name may stand between marks, which are none of its own`() {
        #expect(self.names("*@ada* **@ada**, ~~@ada~~ (@ada)") == ["ada", "ada", "ada", "ada"])
        #expect(self.names("_@ada_ __@ada__ _to @ada_") == ["ada", "ada", "ada"])
        #expect(self.names("@ada_ is another one") == ["ada_"])
        #expect(self.names("a_@ada") == [])
        #expect(self.names("> @ada\n- @grace\n# @linus") == ["ada", "grace", "linus"])
    }

    @Test func `offsets count as browsers do`() {
        #expect(MentionText.words("\u{1F44B} @ada").map(\.offset) == [3])
        #expect(MentionText.words("h\u{E9} @ada @grace").map(\.offset) == [3, 8])
        #expect(MentionText.words("`\u{1F44B}` @ada").map(\.offset) == [5])
    }

    @Test func `a sentence's end may belong to no name`() {
        #expect(MentionText.words("thanks @ada.").first?.candidates == ["ada", "ada."])
        #expect(MentionText.words("thanks @ada_.").first?.candidates == ["ada", "ada_."])
        #expect(MentionText.words("@channel!").first?.everybody == .channel)
        #expect(MentionText.words("@all.").first?.everybody == .channel)
        #expect(MentionText.words("@here").first?.everybody == .here)
        #expect(MentionText.words("@hereby").first?.everybody == nil)
    }

    @Test func `what people send does not cost more than its length`() {
        let nasty = String(repeating: "`", count: 8_000) + String(repeating: "@a `", count: 2_000)
        #expect(MentionText.words(nasty).count <= MentionText.wordsMax)
        let runs = (1...170).map { String(repeating: "`", count: $0) }.joined(separator: "@a")
        #expect(MentionText.words(runs).count <= MentionText.wordsMax)
    }

    @Test func `an emoji has one name with and without colons`() {
        #expect(EmojiRule.normal(":+1:") == "+1")
        #expect(EmojiRule.normal("+1") == "+1")
        #expect(EmojiRule.normal("\u{1F44D}\u{1F3FD}") == "\u{1F44D}\u{1F3FD}")
        #expect(EmojiRule.normal("") == nil)
        #expect(EmojiRule.normal("a b") == nil)
        #expect(EmojiRule.normal(String(repeating: "x", count: 65)) == nil)
        #expect(EmojiRule.normal(pathPart: "%F0%9F%91%8D") == "\u{1F44D}")
        #expect(EmojiRule.normal(pathPart: "%F0%9F") == nil)
        #expect(EmojiRule.normal(pathPart: "%zz") == nil)
    }

    @Test(arguments: [
        "+1", "flag-de", "wave::skin-tone-2", "👍🏽", "❤️", "👩‍❤️‍👨", "#️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇩🇪", "e100", "größe",
    ])
    func `an emoji or a name of one may be put on a message`(emoji: String) {
        #expect(EmojiRule.normal(emoji).map(EmojiRule.isAddable) == true)
    }

    @Test(arguments: [
        "<script>", "\u{200B}", "a\u{200B}", "\"><b", "\u{3164}", "👍\u{200D}", "a\u{E0061}",
        "\u{202E}x",
    ])
    func `what is no emoji or shows nothing may not`(text: String) {
        #expect(EmojiRule.normal(text).map(EmojiRule.isAddable) != true)
        var react = FieldReader(
            (try? JSONValue(parsing: Array(#"{"emoji":"\#(text.replacing("\"", with: "\\\""))"}"#.utf8)))?
                .asObject ?? JSONObject())
        #expect(react.addableEmoji("emoji") == nil)
        #expect(react.problem?.code == .invalid)
    }

    @Test
    func
        `a mention at the end of a sentence is of who is called so, not of who is called so with the mark`()
    {
        let (ada, eve) = (UserID(high: 1, low: 1), UserID(high: 1, low: 2))
        let content = MessageContent(
            text: "thanks @ada.", clientID: nil, thread: nil,
            mentions: [Mention(user: eve, name: "ada."), Mention(user: ada, name: "ada")])
        guard let word = MentionText.words(content.text).first else {
            return #expect(Bool(false), "no word")
        }
        let named = Dictionary(
            content.mentions.map { ($0.name, $0.user) }, uniquingKeysWith: { first, _ in first })
        #expect(word.candidates.compactMap { named[$0] }.first == ada)
    }

    @Test func `a message tells where it names whom`() {
        let ada = UserID(high: 1, low: 1)
        let content = MessageContent(
            text: "hi @ada, @channel", clientID: nil, thread: nil,
            mentions: [Mention(user: ada, name: "ada")],
            broadcast: .channel)
        var writer = JSONWriter(reservingCapacity: 512)
        writer.message(
            MessageView(
                id: MessageID(channel: ChannelID(high: 2, low: 1), seq: 3), author: ada, createdAt: .zero,
                content: content), showsClientID: false)
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(text.contains(#"{"type":"mention","offset":3,"length":4,"user_id":"\#(ada)"}"#))
        #expect(text.contains(#"{"type":"broadcast","offset":9,"length":8,"name":"channel"}"#))
        #expect(text.contains(#""mentions":["\#(ada)"],"mentions_channel":true,"here_user_ids":[]"#))
    }
}
