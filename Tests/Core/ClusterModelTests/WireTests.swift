import Testing

@testable import ClusterModel

@Suite struct `The binary codec` {
    @Test func `a variable-length integer comes back, and an eleventh byte is refused`() throws {
        for value in [0, 1, 127, 128, 300, UInt64.max - 1, .max] as [UInt64] {
            var writer = ByteWriter()
            writer.writeVariable(value)
            var reader = ByteReader(writer.bytes)
            #expect(try reader.readVariable() == value)
            #expect(reader.isAtEnd)
        }
        var endless = ByteReader([UInt8](repeating: 0xFF, count: 11))
        #expect(throws: WireError.self) { try endless.readVariable() }
    }

    @Test func `frames stand one behind the other, and one that is cut short is refused`() throws {
        var writer = ByteWriter()
        writer.write(UInt8(9))
        let texts: [PeerAddress] = [PeerAddress(host: "a", port: 1), PeerAddress(host: "bcd", port: 2)]
        for text in texts { writer.writeFrame { text.encode(into: &$0) } }
        let whole = writer.count
        writer.writeFrame { texts[0].encode(into: &$0) }
        writer.removeAll(from: whole)
        let bytes = writer.bytes
        #expect(bytes.count == whole)

        var reader = ByteReader(bytes, in: 1..<bytes.count)
        for text in texts { #expect(try PeerAddress(encoded: bytes, in: reader.readFrame()) == text) }
        #expect(reader.isAtEnd)
        for end in 1..<bytes.count {
            var reader = ByteReader(bytes, in: 1..<end)
            #expect(throws: WireError.self, "cut to \(end)") { while true { _ = try reader.readFrame() } }
        }
        var huge = ByteReader([0xFF, 0xFF, 0xFF, 0xFF, 1])
        #expect(throws: WireError.truncated(needed: 0xFFFF_FFFF, remaining: 1)) { try huge.readFrame() }
    }

    @Test func `an address is host and port, a version 6 host in brackets, and nothing else`() {
        #expect(PeerAddress("127.0.0.1:7400") == PeerAddress(host: "127.0.0.1", port: 7400))
        #expect(PeerAddress("[::1]:7400")?.description == "[::1]:7400")
        for bad in ["", "host", "host:", ":1", "host:0", "host:65536", "::1:7400", "host:+1", "host:1x"] {
            #expect(PeerAddress(bad) == nil, "\(bad)")
        }
    }
}
