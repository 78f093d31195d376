import ChatModel
import Testing

@testable import ClientProtocol

@Suite struct NameTextTests {
    /// All but the long rows of ideographs and syllables, of which every one is as the next.
    private static let scalars: [Unicode.Scalar] = [
        0xA0...0x33FF, 0xA000...0xAC80, 0xF900...0xFFFF, 0x10000...0x11FFF, 0x1D000...0x1D2FF, 0x1E000...0x1F6FF,
    ].flatMap { (range: ClosedRange<UInt32>) in range.compactMap(Unicode.Scalar.init) }

    private static func hex(_ text: String) -> String {
        text.unicodeScalars.map { String($0.value, radix: 16) }.joined(separator: " ")
    }

    @Test func `texts that are equal have one composed form, whatever scalar is in them`() {
        var wrong: [String] = []
        for scalar in Self.scalars {
            for text in ["\(scalar)", "a\(scalar)\u{301}", "\(scalar)\u{301}\u{323}"] {
                let composed = NameText.composed(text)
                // Marks in another order are the same text when their classes differ.
                let turned = "\(scalar)\u{323}\u{301}"
                let isStable = NameText.composed(composed).utf8.elementsEqual(composed.utf8)
                let isSame = text != turned || NameText.composed(turned).utf8.elementsEqual(composed.utf8)
                if composed != text || !isStable || !isSame { wrong.append(Self.hex(text)) }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(10))")
    }

    @Test(arguments: [
        ("cafe\u{301}", "caf\u{E9}"), ("\u{1112}\u{1161}\u{11AB}", "\u{D55C}"), ("\u{212B}", "\u{C5}"),
        ("q\u{301}\u{323}", "q\u{323}\u{301}"), ("plain", "plain"), ("\u{958}", "\u{915}\u{93C}"),
    ])
    func `names are composed`(text: String, composed: String) {
        #expect(Self.hex(NameText.composed(text)) == Self.hex(composed))
    }

    @Test func `what is too long for a name is left as it is, at once`() {
        let long = String(repeating: "e\u{323}\u{301}", count: 200_000)
        let start = ContinuousClock.now
        #expect(NameText.composed(long).utf8.elementsEqual(long.utf8))
        #expect(TextRule.channelName.complaint(about: NameText.composed(long)) != nil)
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test(arguments: [
        ("General", "general"), ("STRASSE", "straße"), ("ΟΔΟΣ", "οδος"), ("a \u{A0}\u{3000}b", "A B"),
        ("tea ☕\u{FE0F}", "TEA ☕"), ("I\u{307}", "\u{130}"), ("ﬁsh", "FISH"), ("GRO\u{1E9E}", "groß"),
        ("\u{B5}", "\u{3BC}"),
    ])
    func `names that are one to the eye fold to one`(one: String, other: String) {
        #expect(Self.hex(NameText.folded(one)) == Self.hex(NameText.folded(other)))
    }

    @Test(arguments: [("general", "genera1"), ("resume", "résumé"), ("a b", "ab"), ("ö", "o")])
    func `names that differ to the eye fold to two`(one: String, other: String) {
        #expect(Self.hex(NameText.folded(one)) != Self.hex(NameText.folded(other)))
    }

    @Test func `folding what is folded changes nothing`() {
        for scalar in Self.scalars {
            let folded = NameText.folded("x\(scalar)\u{301}")
            #expect(Self.hex(NameText.folded(folded)) == Self.hex(folded))
        }
    }

    @Test func `a channel of an earlier spelling is looked for too`() {
        #expect(FoldedName.channelForms("General") == ["general"])
        #expect(
            FoldedName.channelForms("STRAßE").map(Self.hex) == [Self.hex("strasse"), Self.hex("straße")])
    }

    @Test(arguments: ["here", "HERE", "Everyone", "channel.", "ada.", "ada-", "ada_", "system"])
    func `a user name that means others is refused`(name: String) {
        #expect(ReservedUsername.complaint(about: name) != nil)
    }

    @Test(arguments: ["hero", "there", "allan", "channels", "admin", "ada"])
    func `a user name that only resembles one is not`(name: String) {
        #expect(ReservedUsername.complaint(about: name) == nil)
    }

    @Test func `administrators' names are theirs`() {
        #expect(ReservedUsername.complaint(about: "Admin", of: .member) != nil)
        #expect(ReservedUsername.complaint(about: "root", of: .moderator) != nil)
        #expect(ReservedUsername.complaint(about: "admin", of: .admin) == nil)
        #expect(ReservedUsername.complaint(about: "ada", of: .member) == nil)
    }
}
