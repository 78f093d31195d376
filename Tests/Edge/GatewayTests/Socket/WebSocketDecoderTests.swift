import ClientProtocol
import ClusterModel
import NIOCore
import Testing

@testable import Gateway

@Suite struct WebSocketDecoderTests {
    private typealias Output = WebSocketDecoder.Output

    /// Feeds `bytes` in pieces of `step` and collects what comes out.
    private func decode(_ bytes: [UInt8], step: Int, max: Int = 65_536) -> [Output] {
        var decoder = WebSocketDecoder(messageBytesMax: max)
        var outputs: [Output] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            var buffer = ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)])
            while let output = decoder.next(&buffer) { outputs.append(output) }
        }
        return outputs
    }

    /// The same in every cutting.
    private func decode(_ bytes: [UInt8], max: Int = 65_536) -> [Output] {
        let whole = self.decode(bytes, step: Swift.max(bytes.count, 1), max: max)
        for step in [1, 2, 3, 7] { #expect(self.decode(bytes, step: step, max: max) == whole) }
        return whole
    }

    private func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        SocketTestClient.frame(opcode: opcode, payload, isFinal: isFinal)
    }

    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536])
    func `a text message of any length comes out as it went in`(count: Int) {
        let text = (0..<count).map { UInt8($0 % 26) + 0x61 }
        #expect(self.decode(self.frame(1, text)) == [.text(text)])
    }

    @Test func `fragments make one message and control frames may stand between them`() {
        let bytes =
            self.frame(1, [0x61], isFinal: false) + self.frame(9, [1, 2]) + self.frame(0, [0x62], isFinal: false)
            + self.frame(10, []) + self.frame(0, [0x63]) + self.frame(1, [0x64])
        #expect(self.decode(bytes) == [.ping([1, 2]), .pong, .text([0x61, 0x62, 0x63]), .text([0x64])])
    }

    @Test(
        arguments: [
            [0x81, 0x01, 0x61],  // not masked
            [0xC1, 0x80], [0xA1, 0x80], [0x91, 0x80],  // RSV1, RSV2, RSV3
            [0x83, 0x80], [0x84, 0x80], [0x85, 0x80], [0x86, 0x80], [0x87, 0x80],  // reserved data opcodes
            [0x8B, 0x80], [0x8C, 0x80], [0x8D, 0x80], [0x8E, 0x80], [0x8F, 0x80],  // reserved control opcodes
            [0x08, 0x80], [0x09, 0x80], [0x0A, 0x80],  // fragmented control
            [0x89, 0xFE], [0x88, 0xFF],  // control over 125 bytes
            [0x80, 0x80],  // continuation of nothing
            [0x81, 0xFE, 0x00, 0x7D], [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],  // not the shortest length
            [0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80],  // a new message inside one
            [0x88, 0x81, 0, 0, 0, 0, 3],  // half a close code
        ] as [[UInt8]])
    func `what the protocol forbids is a protocol error`(bytes: [UInt8]) {
        #expect(self.decode(bytes + self.frame(1, [0x61])) == [.violation(.protocolError)])
    }

    @Test func `binary is not taken`() {
        #expect(self.decode([0x82, 0x80]) == [.violation(.unsupportedData)])
    }

    @Test func `a message beyond the bound is refused by its header alone`() {
        #expect(self.decode([0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1]) == [.violation(.tooBig)])
        #expect(self.decode([0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]) == [.violation(.tooBig)])
        let bytes = self.frame(1, [0x61, 0x61], isFinal: false) + self.frame(0, [0x61, 0x61])
        #expect(self.decode(bytes, max: 3) == [.violation(.tooBig)])
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE4, 0xBD], [0x80], [0xF8, 0x88],
        ] as [[UInt8]])
    func `what is not UTF-8 is found, also across fragments`(text: [UInt8]) {
        #expect(self.decode(self.frame(1, text)) == [.violation(.notUTF8)])
        let bytes = self.frame(1, Array(text.prefix(1)), isFinal: false) + self.frame(0, Array(text.dropFirst()))
        #expect(self.decode(bytes) == [.violation(.notUTF8)])
    }

    @Test func `a character may be cut by a fragment`() {
        let text = Array("aé你😀".utf8)
        let bytes = text.dropLast().reduce(into: [UInt8]()) { bytes, byte in
            bytes += self.frame(bytes.isEmpty ? 1 : 0, [byte], isFinal: false)
        }
        #expect(self.decode(bytes + self.frame(0, [text[text.count - 1]])) == [.text(text)])
    }

    @Test func `close codes are judged`() {
        for code in [1_000, 1_001, 1_003, 1_007, 1_014, 3_000, 4_999] as [UInt16] {
            let payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
            #expect(self.decode(self.frame(8, payload)) == [.close(code)])
        }
        for code in [0, 999, 1_004, 1_005, 1_006, 1_015, 2_999, 5_000, 65_535] as [UInt16] {
            let payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
            #expect(self.decode(self.frame(8, payload)) == [.violation(.protocolError)])
        }
        #expect(self.decode(self.frame(8, [])) == [.close(nil)])
        #expect(self.decode(self.frame(8, [3, 0xE8, 0xFF])) == [.violation(.notUTF8)])
    }

    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `any bytes in any cutting end in the same outputs and never trap`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...30, using: &generator) {
            let payload = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
                UInt8.random(in: 0x20...0x7E, using: &generator)
            }
            let opcode: UInt8 = [0, 1, 1, 1, 9, 10, 8].randomElement(using: &generator) ?? 1
            bytes += self.frame(
                opcode, opcode > 7 ? Array(payload.prefix(125)) : payload, isFinal: .random(using: &generator))
        }
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            let place = Int.random(in: bytes.indices, using: &generator)
            bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
        let outputs = self.decode(bytes, max: 1_000)
        #expect(outputs.count <= bytes.count)
    }

    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `the validator agrees with the standard library`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let scalars: [UInt8] = [
                0x00, 0x41, 0x7F, 0x80, 0xBF, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F, 0xFF,
            ]
            let bytes = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                scalars.randomElement(using: &generator) ?? 0
            }
            var validator = UTF8Validator()
            let isValid = validator.accept(bytes) && validator.isAtBoundary
            #expect(isValid == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
        }
    }
}
