import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct ClientFrameTests {
    private let lobby = ChannelID(high: 3, low: 4)

    private func parse(_ text: String) -> ClientFrame.Parsed { ClientFrame.parse(Array(text.utf8)) }

    private func code(_ text: String) -> ProblemCode? {
        if case .refused(let problem, _) = self.parse(text) { problem.code } else { nil }
    }

    @Test func `a type or name of combining marks is told apart by its bytes, at once`() throws {
        // Canonical order of these takes quadratic time: comparing as strings, this check would take minutes.
        let marks = String(repeating: "\u{301}\u{323}", count: 200_000)
        #expect(self.code(#"{"type":"a\#(marks)"}"#) == .unknownType)
        #expect(self.code(#"{"a\#(marks)":1,"type":"nothing"}"#) == .unknownType)
        let object = try #require(try JSONValue(parsing: "{\"\u{e9}\":1,\"e\u{301}\":2}").asObject)
        #expect(object["\u{e9}"] == .integer(1))
        #expect(object["e\u{301}"] == .integer(2))
    }

    @Test func `send becomes a draft`() {
        let parsed = self.parse(
            #"{"type":"send","ref":"r","channel_id":"\#(self.lobby)","text":"hi","client_id":"c","thread_id":"\#(self.lobby).1","x":1}"#
        )
        let content = MessageContent(text: "hi", clientID: "c", thread: MessageID(channel: self.lobby, seq: 1))
        #expect(
            parsed == .frame(.send(MessageDraft(channel: self.lobby, content: content)), FrameRef(.string("r"))))
    }

    @Test func `auth takes positions as they come`() {
        let parsed = self.parse(
            #"{"type":"auth","token":"t","resume":{"\#(self.lobby)":-1,"nonsense":5,"\#(ChannelID(high: 1, low: 1))":1e30}}"#
        )
        guard case .frame(.auth("t", let resume), nil) = parsed else {
            Issue.record("\(parsed)")
            return
        }
        #expect(resume.map(\.seq) == [-1, .max])
    }

    @Test func `other frames are read`() {
        #expect(self.parse(#"{"type":"ping","ref":7}"#) == .frame(.ping, FrameRef(.integer(7))))
        #expect(
            self.parse(#"{"type":"fetch","channel_id":"\#(self.lobby)","after":3,"limit":10}"#)
                == .frame(.fetch(self.lobby, after: 3, limit: 10), nil))
        #expect(
            self.parse(#"{"type":"subscribe","channel_ids":["\#(self.lobby)","chn_x"]}"#)
                == .frame(.subscribe([self.lobby]), nil))
    }

    @Test func `what changes messages, markers and presence is read field by field`() {
        let message = MessageID(channel: self.lobby, seq: 7)
        func frame(_ text: String) -> ClientFrame? {
            if case .frame(let frame, nil) = self.parse(text) { frame } else { nil }
        }
        #expect(
            frame(#"{"type":"edit","message_id":"\#(message)","text":"new"}"#) == .edit(message, text: "new"))
        #expect(frame(#"{"type":"delete","message_id":"\#(message)"}"#) == .delete(message))
        #expect(
            frame(#"{"type":"react","message_id":"\#(message)","emoji":":+1:"}"#) == .react(message, emoji: "+1"))
        #expect(
            frame(#"{"type":"unreact","message_id":"\#(message)","emoji":"x"}"#) == .unreact(message, emoji: "x"))
        #expect(frame(#"{"type":"typing.start","channel_id":"\#(self.lobby)"}"#) == .typingStart(self.lobby))
        #expect(frame(#"{"type":"typing.stop","channel_id":"\#(self.lobby)"}"#) == .typingStop(self.lobby))
        #expect(frame(#"{"type":"read","channel_id":"\#(self.lobby)","seq":9}"#) == .read(self.lobby, seq: 9))
        #expect(
            frame(#"{"type":"presence.set","status":"dnd","until":"1970-01-01T00:00:01Z"}"#)
                == .presenceSet(PresenceChoice(status: .dnd, until: Timestamp(milliseconds: 1_000))))
        let user = UserID(high: 1, low: 2)
        #expect(
            frame(#"{"type":"presence.watch","user_ids":["\#(user)","usr_x"]}"#) == .presenceWatch([user]))
    }

    @Test func `what is wrong with them is said`() {
        let message = MessageID(channel: self.lobby, seq: 7)
        #expect(self.code(#"{"type":"edit","message_id":"\#(message)"}"#) == .invalid)
        #expect(self.code(#"{"type":"edit","message_id":"msg_x","text":"t"}"#) == .notFound)
        let long = String(repeating: "x", count: 65)
        #expect(self.code(#"{"type":"react","message_id":"\#(message)","emoji":"\#(long)"}"#) == .invalid)
        #expect(self.code(#"{"type":"react","message_id":"\#(message)","emoji":""}"#) == .invalid)
        #expect(self.code(#"{"type":"read","channel_id":"\#(self.lobby)"}"#) == .invalid)
        #expect(self.code(#"{"type":"read","channel_id":"\#(self.lobby)","seq":-1}"#) == .invalid)
        #expect(self.code(#"{"type":"presence.set","status":"asleep"}"#) == .invalid)
        #expect(
            self.code(#"{"type":"presence.set","status":"away","until":"2030-01-01T00:00:00Z"}"#) == .invalid)
        #expect(self.code(#"{"type":"presence.set","status":"dnd","until":"tomorrow"}"#) == .invalid)
        let many = (0...1_000).map { _ in "\"x\"" }.joined(separator: ",")
        #expect(self.code(#"{"type":"presence.watch","user_ids":[\#(many)]}"#) == .invalid)
    }

    @Test(arguments: ["", "{", "[]", "17", "\"x\"", "{\"a\":1e309}", "{\"type\":\"ping\"} x"])
    func `what is no object is malformed`(text: String) {
        guard case .malformed = self.parse(text) else {
            Issue.record("\(text) was taken")
            return
        }
    }

    @Test func `a refusal keeps the ref and names the reason`() {
        #expect(self.parse(#"{"type":"dance","ref":1.5}"#) == .refused(Problem(.unknownType), FrameRef(.number(1.5))))
        #expect(self.code(#"{"ref":1}"#) == .invalid)
        #expect(self.code(#"{"type":7}"#) == .invalid)
        #expect(self.code(#"{"type":"send","channel_id":7,"text":"x"}"#) == .invalid)
        #expect(self.code(#"{"type":"send","channel_id":"chn_nonsense","text":"x"}"#) == .notFound)
        #expect(self.code(#"{"type":"send","channel_id":"\#(self.lobby)","text":""}"#) == .invalid)
        #expect(self.code(#"{"type":"fetch","channel_id":"\#(self.lobby)","after":-1}"#) == .invalid)
        #expect(self.code(#"{"type":"fetch","channel_id":"\#(self.lobby)","limit":201}"#) == .invalid)
        #expect(self.code(#"{"type":"subscribe","channel_ids":[1]}"#) == .invalid)
        #expect(self.code(#"{"type":"auth"}"#) == .invalid)
        let many = (0...1_000).map { _ in "\"x\"" }.joined(separator: ",")
        #expect(self.code(#"{"type":"subscribe","channel_ids":[\#(many)]}"#) == .invalid)
    }

    @Test func `the same words are the same request and others are not`() {
        func fingerprint(_ text: String, _ thread: UInt64?) -> UInt64 {
            let thread = thread.map { MessageID(channel: self.lobby, seq: $0) }
            let content = MessageContent(text: text, clientID: "c", thread: thread)
            return MessageDraft(channel: self.lobby, content: content).fingerprint
        }
        #expect(fingerprint("a", nil) == fingerprint("a", nil))
        #expect(Set([fingerprint("a", nil), fingerprint("b", nil), fingerprint("a", 1)]).count == 3)
    }

    @Test func `answers echo the ref as it was`() throws {
        for ref in [JSONValue.string("a\"b"), .integer(-3), .number(1.5)] {
            let frame = ServerFrame.ok(FrameRef(ref))
            #expect(try JSONValue(parsing: frame).asObject?["ref"] == ref)
        }
        #expect(String(decoding: ServerFrame.pong(nil), as: UTF8.self) == #"{"type":"pong"}"#)
    }
}
