import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct ShapeTests {
    private let ada = UserID(high: 1, low: 2)
    private let lobby = ChannelID(high: 3, low: 4)

    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `ids are written as they describe themselves`() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let id = ChannelID(high: generator.next(), low: generator.next())
            #expect(self.text { $0.value(id) } == "\"\(id)\"")
            #expect(ChannelID(frameText: id.description) == id)
            let message = MessageID(channel: id, seq: generator.next() >> UInt64.random(in: 0...63, using: &generator))
            #expect(self.text { $0.value(message) } == "\"\(message)\"")
        }
    }

    @Test(arguments: [
        "", "chn_", "usr_00000000000000000000000000", "chn_80000000000000000000000000", "chn_0000000000000000000000000",
        "chn_000000000000000000000000000", "chn_0000000000000000000000000i", "chn_0000000000000000000000000A",
        "chn_0000000000000000000000000é",
    ])
    func `what is no id is none in a frame either`(text: String) {
        #expect(ChannelID(frameText: text) == nil)
        #expect(ChannelID(text) == nil)
    }

    @Test func `a message has exactly the promised fields and its key for its author only`() {
        let content = MessageContent(text: "hé\n", clientID: "c1", thread: MessageID(channel: self.lobby, seq: 1))
        let event = DurableEvent(
            channel: self.lobby, seq: 9, at: .zero, actor: self.ada, body: .messageCreated(content))
        let message =
            #""id":"\#(self.lobby).9","channel_id":"\#(self.lobby)","seq":9,"user_id":"\#(self.ada)","text":"hé\n","#
            + #""parsed":{"entities":[],"mentions":[],"mentions_channel":false,"here_user_ids":[],"links":[],"emoji":[]},"#
            + #""created_at":"1970-01-01T00:00:00.000Z","edited_at":null,"deleted_at":null,"pinned_at":null,"#
            + #""thread_id":"\#(self.lobby).1","files":[],"attachments":[],"reactions":[],"reply_count":0,"#
            + #""last_reply_at":null,"participants":[]"#
        let head =
            #"{"type":"message.created","channel_id":"\#(self.lobby)","seq":9,"at":"1970-01-01T00:00:00.000Z","#
            + #""actor_id":"\#(self.ada)","message":{"#
        #expect(self.text { $0.event(event, showsClientID: false) } == head + message + "}}")
        #expect(self.text { $0.event(event, showsClientID: true) } == head + message + #","client_id":"c1"}}"#)
        #expect(event.hasAuthorForm)
    }

    @Test func `a tombstone has no text and no key, for its author as for everyone`() {
        var view = MessageView(
            id: MessageID(channel: self.lobby, seq: 9), author: self.ada, createdAt: .zero,
            content: MessageContent(text: "gone", clientID: "c1", thread: nil))
        view.deletedAt = .zero
        let event = DurableEvent(channel: self.lobby, seq: 10, at: .zero, actor: self.ada, body: .messageDeleted(view))
        #expect(!event.hasAuthorForm)
        let texts = [true, false].map { shows in self.text { $0.message(view, showsClientID: shows) } }
        #expect(texts[0] == texts[1])
        #expect(!texts[0].contains("client_id") && !texts[0].contains("gone"))
    }

    @Test func `a membership event carries the member`() {
        let event = DurableEvent(
            channel: self.lobby, seq: 2, at: .zero, actor: self.ada, body: .memberJoined(self.ada, .owner))
        let text = self.text { $0.event(event, showsClientID: false) }
        #expect(text.hasPrefix(#"{"type":"member.joined","#))
        #expect(text.hasSuffix(#""member":{"user_id":"\#(self.ada)","role":"owner"}}"#))
    }

    @Test func `no form of a user holds its password`() {
        let user = UserRecord(
            id: self.ada, username: "ada", displayName: "Ada", email: "ada@example.org", role: .admin,
            passwordHash: "$scrypt$secret", createdAt: .zero)
        let full = self.text { $0.user(user, view: .full) }
        let others = self.text { $0.user(user, view: .others) }
        #expect(full.contains(#""email":"ada@example.org""#))
        #expect(!others.contains("email"))
        #expect(!full.contains("secret") && !others.contains("secret"))
        let ready = ServerFrame.ready(
            session: SessionID(high: 1, low: 1), node: NodeID(high: 1, low: 1), user: user, channels: [])
        #expect(!String(decoding: ready, as: UTF8.self).contains("secret"))
    }

    @Test func `a sidebar says what is unread as the channel's shard counted it`() throws {
        let channel = ChannelRecord(
            id: self.lobby, name: "lobby", type: .public, topic: "", createdBy: self.ada, createdAt: .zero,
            memberCount: 1, seq: 5)
        let view = ChannelView(
            state: ChannelState(
                channel: channel,
                member: MemberRecord(user: self.ada, role: .owner, joinedAt: .zero, joinedSeq: 1, readSeq: 1)),
            extra: ChannelExtra(folded: "lobby", nameEpoch: 0, broadcastRight: .owners, retentionDays: 30),
            counts: ReadState(channel: self.lobby, readSeq: 2, unread: 3, mentions: 1))
        let text = self.text { $0.sidebarChannel(view, isMuted: true) }
        let object = try #require(try JSONValue(parsing: text).asObject)
        #expect(object["read_seq"] == .integer(2) && object["unread"] == .integer(3))
        #expect(object["mentions"] == .integer(1) && object["muted"] == .bool(true))
        #expect(object["mention_right"] == .string("owners") && object["retention_days"] == .integer(30))
    }

    @Test func `a joined channel stands at its own member joined`() throws {
        let channel = ChannelRecord(
            id: self.lobby, name: "lobby", type: .public, topic: "", createdBy: self.ada, createdAt: .zero,
            memberCount: 1,
            seq: 50)
        let view = ChannelView(
            state: ChannelState(channel: channel, member: nil),
            extra: ChannelExtra(folded: "lobby", nameEpoch: 0, broadcastRight: nil, retentionDays: nil), counts: nil)
        let frame = ServerFrame.channelJoined(view, seq: 7)
        let object = try #require(try JSONValue(parsing: frame).asObject)
        #expect(object["channel"]?.asObject?["seq"] == .integer(7))
    }
}
