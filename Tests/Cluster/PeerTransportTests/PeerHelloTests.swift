import ClusterModel
import Testing

@testable import PeerTransport

@Suite struct PeerHelloTests {
    private let member = PeerHello(
        purpose: .carry(.append),
        standing: .member(ClusterID(high: 1, low: 2), NodeID(high: 3, low: 4), BootCounter(5)), nonce: 6,
        seedListHash: 7,
        address: PeerAddress(host: "ada.example", port: 4223))

    @Test func `a hello survives its bytes`() throws {
        var empty = self.member
        empty.standing = .empty
        empty.purpose = .probe
        for hello in [self.member, empty] {
            #expect(hello.encoded.count == PeerHello.byteCount)
            #expect(try PeerHello(bytes: hello.encoded, speaking: .current) == hello)
        }
    }

    @Test func `the longest host fits`() throws {
        var hello = self.member
        hello.address = PeerAddress(host: String(repeating: "h", count: 253), port: 65_535)
        #expect(hello.encoded.count == PeerHello.byteCount)
        #expect(try PeerHello(bytes: hello.encoded, speaking: .current) == hello)
    }

    @Test func `any other length and any other magic is another protocol`() {
        let bytes = self.member.encoded
        for count in [0, 1, 8, bytes.count - 1] {
            #expect(throws: PeerHello.Malformed.magic) {
                try PeerHello(bytes: Array(bytes.prefix(count)), speaking: .current)
            }
        }
        #expect(throws: PeerHello.Malformed.magic) { try PeerHello(bytes: bytes + [0], speaking: .current) }
        for position in 0..<8 {
            var other = bytes
            other[position] ^= 1
            #expect(throws: PeerHello.Malformed.magic) { try PeerHello(bytes: other, speaking: .current) }
        }
    }

    @Test func `versions are read before anything else is`() {
        var bytes = self.member.encoded
        bytes[8] = 9
        bytes[10] = 9
        bytes[12] = 0xEE
        let theirs = WireRange(9, 9)!
        #expect(throws: PeerHello.Malformed.versions(theirs)) { try PeerHello(bytes: bytes, speaking: .current) }
    }

    @Test func `bytes behind the host may mean something to later versions`() throws {
        var bytes = self.member.encoded
        bytes[PeerHello.byteCount - 1] = 1
        #expect(try PeerHello(bytes: bytes, speaking: .current) == self.member)
    }

    @Test func `no random byte traps`() {
        var random = SeededGenerator(seed: 20)
        for _ in 0..<20_000 {
            var bytes = self.member.encoded
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 8..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            _ = try? PeerHello(bytes: bytes, speaking: .current)
        }
    }

    @Test func `ranges agree on the highest that both have`() {
        let old = WireRange(1, 2)!
        let new = WireRange(2, 5)!
        #expect(old.agreed(with: new) == 2)
        #expect(new.agreed(with: old) == 2)
        #expect(WireRange(1, 1)!.agreed(with: new) == nil)
        #expect(WireRange(2, 1) == nil)
    }
}
