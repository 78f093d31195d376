import ClusterModel
import Testing

@testable import ChatModel

@Suite struct ReceivedPostTests {
    private static let user = UserID(high: 1, low: 2)

    private static func post(
        _ text: String, key: String? = "k", thread: MessageID? = nil, mentions: [Mention] = []
    ) -> Command {
        .postMessage(
            ChannelID(high: 5, low: 6), MessageContent(text: text, clientID: "c", thread: thread, mentions: mentions),
            by: Actor(user: Self.user, role: .member, session: SessionID(high: 3, low: 4)),
            key.map { IdempotencyKey(user: Self.user, key: $0, fingerprint: 7) })
    }

    @Test func `a plain post is logged as the bytes that it came in`() throws {
        let commands = [Self.post("one"), Self.post("zwei \u{e9}\u{1F426}", key: nil), Self.post("three")]
        var writer = ByteWriter()
        writer.write(UInt8(1))
        for command in commands { writer.write(command) }
        var reader = ByteReader(writer.bytes)
        _ = try reader.read(UInt8.self)
        for command in commands {
            let post = try #require(ReceivedPost(from: &reader))
            let at = Timestamp(milliseconds: 99)
            var logged = ByteWriter()
            ProposedCommand.post(post, at: at).encode(into: &logged)
            #expect(logged.bytes == LoggedCommand(at: at, command: command).encoded)
            #expect(post.byteCount == command.encoded.count)
        }
        #expect(reader.isAtEnd)
    }

    /// Whatever it takes is the well-formed post that the decoder makes of it, and ends where that ends; of
    /// everything else it leaves the reader where it was.
    @Test func `it reads nothing that the decoder reads otherwise`() throws {
        var values = ValueGenerator(seed: 31)
        var taken = 0
        func check(_ bytes: [UInt8]) throws {
            var reader = ByteReader(bytes)
            guard let post = ReceivedPost(from: &reader) else {
                #expect(reader.position == 0)
                return
            }
            taken += 1
            var decoder = ByteReader(bytes)
            let command = try Command(from: &decoder)
            #expect(decoder.position == reader.position && post.byteCount == reader.position)
            #expect(command.isWellFormed && command.kind == .postMessage)
        }
        for _ in 0..<500 { try check(values.command(.postMessage).encoded) }
        for kind in [CommandKind.joinChannel, .createUser, .createChannel] { try check(values.command(kind).encoded) }
        let taken0 = taken
        let whole = Self.post("damaged \u{e9}").encoded
        for count in 0..<whole.count { try check(Array(whole.prefix(count))) }
        #expect(taken == taken0)
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0...values.number(2) { bytes[Int(values.number(UInt64(bytes.count)))] = UInt8(values.number(256)) }
            try check(bytes)
        }
        #expect(taken > taken0 + 500)
    }

    @Test func `what has more to it is left to the decoder`() {
        let other = MessageID(channel: ChannelID(high: 5, low: 6), seq: 1)
        for command in [
            Self.post("x", thread: other), Self.post("@ada", mentions: [Mention(user: Self.user, name: "ada")]),
            Self.post(""), Self.post(String(repeating: "x", count: 16_385)),
            Self.post("x", key: String(repeating: "k", count: 129)),
        ] {
            var reader = ByteReader(command.encoded)
            #expect(ReceivedPost(from: &reader) == nil)
            #expect(reader.position == 0)
        }
    }
}
