import ChatModel
import ClusterModel
import Testing

@testable import Identity

@Suite struct SecretTests {
    private let secrets = ClusterSecrets.generate()
    private let claim = RefreshClaim(
        user: UserID(high: 1, low: 2), session: SessionID(high: 3, low: 4), generation: 5)

    @Test func `a refresh token says what was put in and nothing else opens`() {
        let tokens = RefreshTokens(self.secrets)
        let token = tokens.token(for: self.claim)
        #expect(tokens.claim(of: token) == self.claim)
        #expect(tokens.token(for: self.claim) == token)
        #expect(RefreshTokens(.generate()).claim(of: token) == nil)
        for (offset, letter) in token.utf8.enumerated() {
            var bytes = Array(token.utf8)
            bytes[offset] = letter == UInt8(ascii: "B") ? UInt8(ascii: "C") : UInt8(ascii: "B")
            #expect(tokens.claim(of: String(decoding: bytes, as: UTF8.self)) == nil)
        }
        for other in ["", "rt_", token + "A", String(token.dropLast()), String(repeating: "A", count: 100_000)] {
            #expect(tokens.claim(of: other) == nil)
        }
    }

    @Test func `a cursor opens for its reader and its list only`() {
        let cursors = SignedCursors(self.secrets)
        let ada = UserID(high: 1, low: 1)
        let cursor = cursors.cursor(at: "lobby é", list: "channels ", reader: ada)
        #expect(cursors.position(of: cursor, list: "channels ", reader: ada) == "lobby é")
        #expect(cursors.position(of: cursor, list: "channels x", reader: ada) == nil)
        #expect(cursors.position(of: cursor, list: "channels ", reader: UserID(high: 1, low: 2)) == nil)
        #expect(cursors.position(of: cursor + "AA", list: "channels ", reader: ada) == nil)
        #expect(cursors.position(of: "", list: "channels ", reader: ada) == nil)
    }

    @Test func `an idempotency key leads to one channel of one user`() {
        let ada = UserID(high: 1, low: 1)
        let id = ChannelID.derived(user: ada, idempotencyKey: "k")
        #expect(id == ChannelID.derived(user: ada, idempotencyKey: "k"))
        #expect(id != ChannelID.derived(user: ada, idempotencyKey: "l"))
        #expect(id != ChannelID.derived(user: UserID(high: 1, low: 2), idempotencyKey: "k"))
    }

    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")])
    func `base 64 is that of RFC 4648 without padding`(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8), .url) == text)
        #expect(Base64.decode(text.utf8, .url) == Array(plain.utf8))
    }

    @Test(arguments: ["A", "AAAAA", "Zh", "Zm9=", "Zm 9", "+A", "é"])
    func `base 64 has one text for each value`(text: String) {
        #expect(Base64.decode(text.utf8, .url) == nil)
    }

    @Test func `all bytes survive both alphabets`() {
        let bytes = (0...255).map { UInt8($0) }
        for alphabet in [Base64.Alphabet.standard, .url] {
            #expect(Base64.decode(Base64.encode(bytes, alphabet).utf8, alphabet) == bytes)
        }
    }
}
