import ClusterModel
import Testing

@testable import SWIM

@Suite struct SWIMMessageTests {
    static let ada = NodeID(high: 0xADA, low: 1)
    static let grace = NodeID(high: 0x6EACE, low: 2)

    static func member(_ id: NodeID, _ status: MemberStatus = .alive) -> GossipMember {
        GossipMember(
            id: id, address: PeerAddress(host: "10.0.0.7", port: 7000),
            incarnation: Incarnation(boot: BootCounter(3), refutations: 300), status: status)
    }
    static let rumours = [
        Rumour(member(grace)), Rumour(member(grace, .suspect), accuser: ada), Rumour(member(grace, .suspect)),
        Rumour(member(grace, .dead), goneForMilliseconds: 86_400_000), Rumour(member(grace, .left)),
    ]
    static let kinds: [SWIMMessage.Kind] = [
        .ping(ProbeNumber(1)), .pingRequest(ProbeNumber(.max), target: grace), .ack(ProbeNumber(200)),
        .nack(ProbeNumber(0)), .gossip, .syncRequest(rumours), .syncReply([]),
    ]
    static func message(_ kind: SWIMMessage.Kind) -> SWIMMessage {
        SWIMMessage(cluster: ClusterID(high: 1, low: 2), origin: member(ada), kind: kind, rumours: rumours)
    }

    @Test(arguments: kinds)
    func `every message reads back as it was written`(kind: SWIMMessage.Kind) throws {
        let message = Self.message(kind)
        #expect(try SWIMMessage(encoded: message.encoded) == message)
    }

    @Test(arguments: kinds)
    func `every truncation throws`(kind: SWIMMessage.Kind) {
        let bytes = Self.message(kind).encoded
        for count in bytes.indices {
            #expect(throws: WireError.self) { try SWIMMessage(encoded: Array(bytes[..<count])) }
        }
        #expect(throws: WireError.trailingBytes(1)) { try SWIMMessage(encoded: bytes + [0]) }
    }

    @Test func `a ping without news is the same bytes for ever`() {
        let ping = SWIMMessage(
            cluster: ClusterID(high: 1, low: 2),
            origin: GossipMember(
                id: NodeID(high: 3, low: 4), address: PeerAddress(host: "a", port: 0x1234),
                incarnation: Incarnation(boot: BootCounter(5), refutations: 6)),
            kind: .ping(ProbeNumber(7)))
        let zeros: [UInt8] = [0, 0, 0, 0, 0, 0, 0]
        let ids = [[1], zeros, [2], zeros, [3], zeros, [4], zeros].flatMap { $0 as [UInt8] }
        #expect(ping.encoded == ids + [1, 0x61, 0x34, 0x12, 5, 6, 1, 1, 7, 0])
    }

    @Test func `more rumours or members than allowed are refused`() {
        let many = Array(repeating: Self.rumours[0], count: SWIMMessage.membersMax + 1)
        #expect(throws: WireError.self) { try SWIMMessage(encoded: Self.message(.syncReply(many)).encoded) }
        let talkative = SWIMMessage(
            cluster: ClusterID(high: 1, low: 2), origin: Self.member(Self.ada), kind: .gossip,
            rumours: Array(many.prefix(SWIMMessage.rumoursMax + 1)))
        #expect(throws: WireError.self) { try SWIMMessage(encoded: talkative.encoded) }
    }

    @Test func `unknown kinds and statuses are refused`() {
        #expect(throws: WireError.unknownKind(9, of: "SWIMMessage.Kind")) { try SWIMMessage.Kind(encoded: [9]) }
        #expect(throws: WireError.unknownKind(0, of: "MemberStatus")) { try MemberStatus(encoded: [0]) }
    }

    @Test func `bytes by lot never trap, neither in reading nor in stepping`() {
        var generator = SeededGenerator(seed: 4)
        var instance = SWIMInstance(
            self: Self.member(Self.ada), cluster: ClusterID(high: 1, low: 2), seed: 1)
        var understood = 0
        for round in 0..<20_000 {
            var bytes = Self.message(Self.kinds[round % Self.kinds.count]).encoded
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 16..<bytes.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            guard let message = try? SWIMMessage(encoded: bytes) else { continue }
            understood += 1
            _ = instance.step(.received(message, from: message.origin.id))
            _ = instance.step(.tick(nowMilliseconds: UInt64(round) * UInt64.random(in: 0...200, using: &generator)))
            #expect(instance.members.count <= SWIMMessage.membersMax)
        }
        #expect(understood > 1000)
    }
}
