import ClusterModel
import Testing

@testable import ChatModel

@Suite struct WireTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `every value comes back as it went`(seed: UInt64) throws {
        var values = ValueGenerator(seed: seed)
        for sample in values.samples() {
            #expect(try sample.decodesToItself(sample.bytes), "\(sample.name), seed \(seed)")
        }
    }

    @Test func `every truncation is an error`() {
        var values = ValueGenerator(seed: 11)
        for sample in values.samples() {
            for count in 0..<sample.bytes.count {
                #expect(throws: WireError.self, "\(sample.name) cut to \(count)") {
                    try sample.reencoded(Array(sample.bytes.prefix(count)))
                }
            }
        }
    }

    @Test func `a byte too many is an error`() {
        var values = ValueGenerator(seed: 12)
        for sample in values.samples() {
            #expect(throws: WireError.trailingBytes(1), "\(sample.name)") { try sample.reencoded(sample.bytes + [0]) }
        }
    }

    /// What decodes must encode to the same bytes again: a value has one form only. (Overlong variable-length
    /// integers are the exception, so that only the value is compared.)
    @Test func `changed bytes decode to something or throw but never trap`() {
        var values = ValueGenerator(seed: 13)
        let samples = values.samples()
        for _ in 0..<20_000 {
            let sample = values.pick(samples)
            var bytes = sample.bytes
            for _ in 0...values.number(3) {
                bytes[Int(values.number(UInt64(bytes.count)))] = UInt8(values.number(256))
            }
            guard let again = try? sample.reencoded(bytes) else { continue }
            #expect((try? sample.reencoded(again)) == again, "\(sample.name)")
        }
    }

    @Test func `an entry of an unknown schema is not read`() {
        var values = ValueGenerator(seed: 14)
        var bytes = LoggedCommand(at: values.time(), command: values.command(.joinChannel)).encoded
        bytes[0] = 2
        #expect(throws: WireError.unknownKind(2, of: "LoggedCommand schema")) { try LoggedCommand(encoded: bytes) }
    }

    @Test func `an unknown command number is an error and not skipped`() {
        #expect(throws: WireError.unknownKind(200, of: "Command")) { try Command(encoded: [200]) }
    }

    @Test func `a text beyond its bound is refused before it is read`() {
        let long = MessageContent(text: String(repeating: "x", count: 70_000), clientID: nil, thread: nil)
        #expect(throws: WireError.tooLong(70_000)) { try MessageContent(encoded: long.encoded) }
    }

    @Test func `what is well formed can be read back`() throws {
        let actor = Actor(user: UserID(high: 1, low: 2), role: .member, session: SessionID(high: 3, low: 4))
        let channel = ChannelID(high: 5, low: 6)
        let most = Command.postMessage(
            channel,
            MessageContent(
                text: String(repeating: "é", count: 8192), clientID: String(repeating: "k", count: 128), thread: nil),
            by: actor, IdempotencyKey(user: actor.user, key: String(repeating: "k", count: 128), fingerprint: 1))
        #expect(most.isWellFormed)
        #expect(try Command(encoded: most.encoded) == most)
        let created = Command.createChannel(
            channel, name: String(repeating: "n", count: 256), type: .private,
            topic: String(repeating: "t", count: 4096), by: actor, nil)
        #expect(created.isWellFormed)
        #expect(try Command(encoded: created.encoded) == created)
    }

    @Test func `a text that is empty or one byte too long is not well formed`() {
        let actor = Actor(user: UserID(high: 1, low: 2), role: .member, session: SessionID(high: 3, low: 4))
        let channel = ChannelID(high: 5, low: 6)
        func post(_ text: String, thread: MessageID? = nil, key: IdempotencyKey? = nil) -> Bool {
            Command.postMessage(
                channel, MessageContent(text: text, clientID: nil, thread: thread), by: actor, key
            ).isWellFormed
        }
        #expect(post("x"))
        #expect(!post(""))
        #expect(!post(String(repeating: "x", count: 16_385)))
        #expect(!post("x", thread: MessageID(channel: ChannelID(high: 9, low: 9), seq: 1)))
        #expect(!post("x", key: IdempotencyKey(user: UserID(high: 7, low: 7), key: "k", fingerprint: 0)))
    }
}
