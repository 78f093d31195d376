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
