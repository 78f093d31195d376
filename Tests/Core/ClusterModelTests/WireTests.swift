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

    @Test func `an address is host and port, a version 6 host in brackets, and nothing else`() {
        #expect(PeerAddress("127.0.0.1:7400") == PeerAddress(host: "127.0.0.1", port: 7400))
        #expect(PeerAddress("[::1]:7400")?.description == "[::1]:7400")
        for bad in ["", "host", "host:", ":1", "host:0", "host:65536", "::1:7400", "host:+1", "host:1x"] {
            #expect(PeerAddress(bad) == nil, "\(bad)")
        }
    }
}
