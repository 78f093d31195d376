import ChatModel
import ClientProtocol
import ClusterModel
import NIOCore
import Testing

@testable import Gateway

@Suite struct SocketRulesTests {
    @Test func `the accept value is that of the standard's example`() {
        #expect(WebSocketAccept.value(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func `the date is written as HTTP wants it`() {
        #expect(HTTPDate().text(second: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }

    @Test(
        arguments: [
            ([], "chat.example", true),
            (["https://chat.example"], "chat.example", true),
            (["https://chat.example:443"], "chat.example", true),
            (["http://chat.example"], "chat.example:80", true),
            (["http://127.0.0.1:8080"], "127.0.0.1:8080", true),
            (["http://127.0.0.1:8081"], "127.0.0.1:8080", false),
            (["https://friend.example"], "chat.example", true),
            (["https://evil.example"], "chat.example", false),
            (["https://chat.example.evil.example"], "chat.example", false),
            (["null"], "chat.example", false),
            (["https://"], "", false),
            (["https://chat.example", "https://evil.example"], "chat.example", false),
        ] as [([String], String, Bool)])
    func `origins are the node's own or named in the settings`(origins: [String], host: String, isGood: Bool) {
        let rule = OriginRule(allowed: ["https://Friend.example:443"])
        #expect(rule.admits(origins: origins, host: host) == isGood)
    }

    @Test func `connections are counted by address and in all`() throws {
        let ledger = ConnectionLedger(totalMax: 3, perAddressMax: 2)
        let first = ConnectionLedger.Key(try SocketAddress(ipAddress: "10.0.0.1", port: 1))
        let again = ConnectionLedger.Key(try SocketAddress(ipAddress: "10.0.0.1", port: 2))
        let other = ConnectionLedger.Key(try SocketAddress(ipAddress: "10.0.0.2", port: 1))
        #expect(first == again && first != other)
        #expect(ledger.admit(first) && ledger.admit(again) && !ledger.admit(first))
        #expect(ledger.admit(other) && !ledger.admit(other))
        ledger.release(first)
        #expect(ledger.admit(other))
        #expect(ledger.total == 3)
        let near = ConnectionLedger.Key(try SocketAddress(ipAddress: "2001:db8::1", port: 1))
        let same = ConnectionLedger.Key(try SocketAddress(ipAddress: "2001:db8::ffff:2", port: 1))
        let far = ConnectionLedger.Key(try SocketAddress(ipAddress: "2001:db8:0:1::1", port: 1))
        #expect(near == same && near != far)
    }

    @Test(
        arguments: [
            (nil, 50, nil), (50, 50, nil), (10, 10, nil), (0, 0, nil), (51, 50, 50), (-1, 50, 50),
        ] as [(Int64?, UInt64, UInt64?)])
    func `a resume point is a cursor or a reset`(seq: Int64?, cursor: UInt64, reset: UInt64?) {
        #expect(self.places(head: 50, resume: seq) == [cursor])
        #expect(self.resets(head: 50, resume: seq) == [reset])
    }

    @Test func `a thousand missed events are delivered and one more is a reset`() {
        #expect(self.places(head: 2_000, resume: 1_000) == [1_000])
        #expect(self.places(head: 2_000, resume: 999) == [2_000])
        #expect(self.resets(head: 2_000, resume: 999) == [2_000])
    }

    private func entrance(head: UInt64, resume: Int64?) -> SocketEntrance {
        let user = UserID(high: 1, low: 1)
        let channel = ChannelID(high: 2, low: 2)
        let record = UserRecord(
            id: user, username: "anna", displayName: "Anna", email: nil, role: .member, passwordHash: "x",
            createdAt: .zero)
        let member = MemberRecord(user: user, role: .member, joinedAt: .zero, joinedSeq: 1, readSeq: 0)
        let state = ChannelView(
            state: ChannelState(
                channel: ChannelRecord(
                    id: channel, name: "general", type: .public, topic: "", createdBy: user, createdAt: .zero,
                    memberCount: 1, seq: head), member: member),
            extra: ChannelExtra(folded: "general", nameEpoch: 0, broadcastRight: nil, retentionDays: nil), counts: nil)
        let stranger = ResumePoint(channel: ChannelID(high: 9, low: 9), seq: 4)
        return SocketEntrance(
            session: SessionID(high: 1, low: 1), node: NodeID(high: 1, low: 1), user: record, channels: [state],
            resume: [stranger] + (resume.map { [ResumePoint(channel: channel, seq: $0)] } ?? []), missedMax: 1_000)
    }
    private func places(head: UInt64, resume: Int64?) -> [UInt64] {
        self.entrance(head: head, resume: resume).places.map(\.cursor)
    }
    private func resets(head: UInt64, resume: Int64?) -> [UInt64?] {
        self.entrance(head: head, resume: resume).places.map(\.resetHead)
    }
}
