import NIOCore
import NIOTestUtils
import Testing

@testable import PeerTransport

@Suite struct PeerFrameTests {
    private func bytes(_ frames: (PeerFrame.Kind, [UInt8])...) -> ByteBuffer {
        var buffer = ByteBuffer()
        for (kind, payload) in frames { buffer.writeFrame(kind, payload) }
        return buffer
    }

    @Test func `frames arrive whole however the bytes are dripped`() throws {
        let hello = [UInt8](repeating: 7, count: PeerHello.byteCount)
        let long = [UInt8](repeating: 9, count: 10_000)
        try ByteToMessageDecoderVerifier.verifyDecoder(
            inputOutputPairs: [
                (self.bytes((.hello, hello)), [PeerFrame(kind: .hello, payload: hello)]),
                (
                    self.bytes((.hello, []), (.message, []), (.message, long), (.message, [1])),
                    [
                        PeerFrame(kind: .hello, payload: []), PeerFrame(kind: .message, payload: []),
                        PeerFrame(kind: .message, payload: long), PeerFrame(kind: .message, payload: [1]),
                    ]
                ),
            ], decoderFactory: { PeerFrameDecoder() })
    }

    @Test func `the first frame is held to four kilobytes before any of it is kept`() {
        var decoder = PeerFrameDecoder()
        var buffer = ByteBuffer(bytes: [0x01, 0x10, 0, 0])
        #expect(throws: PeerFrameError.length(4097, max: 4096)) { try decoder.decode(buffer: &buffer) }
    }

    @Test func `later frames are held to a megabyte`() throws {
        var decoder = PeerFrameDecoder()
        var buffer = self.bytes((.hello, []), (.message, [UInt8](repeating: 1, count: PeerFrame.payloadBytesMax)))
        #expect(try decoder.decode(buffer: &buffer)?.kind == .hello)
        #expect(try decoder.decode(buffer: &buffer)?.payload.count == PeerFrame.payloadBytesMax)
        buffer.writeInteger(UInt32(PeerFrame.payloadBytesMax + 2), endianness: .little)
        #expect(throws: PeerFrameError.self) { try decoder.decode(buffer: &buffer) }
    }

    @Test func `an empty frame and an unknown kind are refused`() {
        var decoder = PeerFrameDecoder()
        var empty = ByteBuffer(bytes: [0, 0, 0, 0])
        #expect(throws: PeerFrameError.length(0, max: 4096)) { try decoder.decode(buffer: &empty) }
        var unknown = ByteBuffer(bytes: [1, 0, 0, 0, 77])
        #expect(throws: PeerFrameError.kind(77)) { try decoder.decode(buffer: &unknown) }
    }
}
