import Testing

@testable import ClientProtocol

@Suite struct TextRuleTests {
    @Test(arguments: ["ad", "Ada", "a.b-c_9", "0x", String(repeating: "a", count: 32)])
    func `a good user name is taken`(name: String) {
        #expect(TextRule.username.complaint(about: name) == nil)
    }

    @Test(arguments: ["", "a", ".ab", "-ab", "_ab", "a b", "adé", "a@b", "a\0b", String(repeating: "a", count: 33)])
    func `a bad user name is refused`(name: String) {
        #expect(TextRule.username.complaint(about: name) != nil)
    }

    @Test(arguments: ["", " x", "x ", "a\nb", "a\u{202E}b", "\u{7F}", String(repeating: "x", count: 65)])
    func `a bad channel name is refused`(name: String) {
        #expect(TextRule.channelName.complaint(about: name) != nil)
    }

    @Test(arguments: ["x", "Großes Büro", "设计", "a b", "👩‍👩‍👧‍👦", String(repeating: "x", count: 64)])
    func `a good channel name is taken`(name: String) {
        #expect(TextRule.channelName.complaint(about: name) == nil)
    }

    /// What shows nothing, or changes how something else shows.
    static let invisible = [
        "\u{200B}", "a\u{200B}", "a\u{200C}b", "a\u{200D}b", "so\u{AD}ft", "\u{3164}", "\u{115F}a", "a\u{1160}",
        "\u{FFA0}", "\u{2800}", "a\u{2060}b", "\u{FEFF}a", "a\u{34F}b", "a\u{61C}b", "a\u{200E}", "a\u{202E}b",
        "a\u{2066}b", "a\u{180E}b", "a\u{FE0F}", "1\u{FE0F}", "a\u{FE00}b", "a\u{E0061}b", "a\u{FFFC}\u{FFF9}",
        "👩\u{200D}", "\u{200D}👩", "👩\u{200D}a", "☕\u{FE0E}", "👩\u{FE0F}\u{FE0F}", "a\u{1D173}", "a\u{FFFF}",
    ]

    @Test(arguments: Self.invisible)
    func `a name with something invisible is refused`(name: String) {
        for rule in [TextRule.channelName, .displayName] {
            #expect(rule.complaint(about: name) != nil, "\(name.unicodeScalars.map { String($0.value, radix: 16) })")
        }
    }

    @Test(arguments: [" ", "\u{A0}", "\u{3000}", "\u{2003}x", "x\u{A0}", "\u{1680}", " \u{301}"])
    func `a name of nothing but white space, or with some at its ends, is refused`(name: String) {
        #expect(TextRule.channelName.complaint(about: name) != nil)
        #expect(TextRule.displayName.complaint(about: name) != nil)
    }

    @Test(arguments: [
        "❤️", "👩‍❤️‍👨", "🏳️‍🌈", "1️⃣ first", "👩🏽‍🚒", "🇩🇪", "©️ club", "ไทย", "हिन्दी", "Ünïcode", "ع", "한국어",
    ])
    func `names of people's languages and of emoji are taken`(name: String) {
        #expect(TextRule.channelName.complaint(about: name) == nil)
    }

    @Test func `passwords are measured in bytes`() {
        #expect(TextRule.password.complaint(about: "1234567") != nil)
        #expect(TextRule.password.complaint(about: "éééé") == nil)
        #expect(TextRule.password.complaint(about: String(repeating: "x", count: 1_025)) != nil)
    }

    @Test(arguments: ["a", "a@", "@b", "a@b@c", "a b@c", "a@b\n"])
    func `what is no mail address is refused`(text: String) {
        #expect(TextRule.emailAddress.complaint(about: text) != nil)
    }
}
