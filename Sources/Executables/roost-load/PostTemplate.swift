import ChatModel
import ClusterModel

/// One lane's command in its binary form, of which each message changes a few bytes: whoever makes the messages shares
/// the processors with the servers, and the peers' load clients copy one payload too.
///
/// Where its parts stand it learns from the encoder, by parts that stand nowhere else.
struct PostTemplate {
    private var bytes: [UInt8]
    private let channel: Range<Int>
    private let text: Range<Int>
    /// Sixteen digits.
    private let keyNumber: Range<Int>
    private let fingerprint: Range<Int>

    /// - Parameter keyPrefix: of the lane's idempotency keys, no other's.
    init(actor: Actor, keyPrefix: String, textSize: Int) {
        let channel = ChannelID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
        // Its first letter is its own: the length before it may look like any other.
        let text = "!" + String(repeating: "~", count: textSize - 1)
        let keyNumber = "~0123456789abcde"
        let fingerprint = UInt64.random(in: .min ... .max)
        let command = Command.postMessage(
            channel, MessageContent(text: text, clientID: nil, thread: nil), by: actor,
            IdempotencyKey(user: actor.user, key: keyPrefix + keyNumber, fingerprint: fingerprint))
        self.bytes = command.encoded
        self.channel = Self.place(of: channel.encoded, in: self.bytes)
        self.text = Self.place(of: Array(text.utf8), in: self.bytes)
        self.keyNumber = Self.place(of: Array(keyNumber.utf8), in: self.bytes)
        var writer = ByteWriter()
        writer.write(fingerprint)
        self.fingerprint = Self.place(of: writer.bytes, in: self.bytes)
        self.check(command, textSize: textSize)
    }

    /// That what is written is the command that is meant: a load that sends something else must not begin.
    private func check(_ command: Command, textSize: Int) {
        guard case .postMessage(_, _, let actor, let key?) = command else { preconditionFailure("no post") }
        let channel = ChannelID(high: 1, low: 2)
        let texts = LoadTexts(size: textSize, words: 0)
        var text = [UInt8](repeating: 0, count: textSize)
        text.withUnsafeMutableBufferPointer { texts.write(3, of: 4, into: $0) }
        let wanted = Command.postMessage(
            channel, MessageContent(text: String(decoding: text, as: UTF8.self), clientID: nil, thread: nil), by: actor,
            IdempotencyKey(user: key.user, key: key.key.dropLast(16) + "aaaaaaaaaaaaaaad", fingerprint: 3))
        var copy = self
        var writer = ByteWriter()
        copy.write(3, of: 4, to: channel, texts, into: &writer)
        let written = try? Command(encoded: writer.bytes)
        precondition(written == wanted, "a template makes other commands than those that are meant")
    }

    private static func place(of part: [UInt8], in bytes: [UInt8]) -> Range<Int> {
        guard let place = bytes.firstRange(of: part) else {
            preconditionFailure("a command does not hold what it was made of as it is")
        }
        return place
    }

    /// Writes the command of the lane's n-th message.
    mutating func write(
        _ number: Int, of lane: Int, to channel: ChannelID, _ texts: LoadTexts, into writer: inout ByteWriter
    ) {
        let places = (self.channel, self.text, self.keyNumber, self.fingerprint)
        self.bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: channel.high.littleEndian, toByteOffset: places.0.lowerBound, as: UInt64.self)
            bytes.storeBytes(of: channel.low.littleEndian, toByteOffset: places.0.lowerBound + 8, as: UInt64.self)
            texts.write(
                number, of: lane,
                into: UnsafeMutableRawBufferPointer(rebasing: bytes[places.1]).bindMemory(to: UInt8.self))
            var rest = UInt64(number)
            for place in places.2.reversed() {
                bytes[place] = 0x61 + UInt8(rest & 15)
                rest >>= 4
            }
            bytes.storeBytes(
                of: UInt64(number).littleEndian, toByteOffset: places.3.lowerBound, as: UInt64.self)
            writer.append(raw: UnsafeRawBufferPointer(bytes))
        }
    }
}
