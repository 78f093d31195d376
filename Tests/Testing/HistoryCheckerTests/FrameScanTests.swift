import HistoryChecker
import Testing

@Suite struct `Frames of the server` {
    private func scan<Value>(_ text: String, _ body: (FrameScan) -> Value) -> Value {
        Array(text.utf8).withUnsafeBytes { body(FrameScan($0)) }
    }

    private static let created = #"""
        {"type":"message.created","channel_id":"chn_a","seq":7,"at":"2026-01-01T00:00:00.000Z","actor_id":"usr_b",\#
        "message":{"id":"chn_a.7","channel_id":"chn_a","seq":7,"user_id":"usr_b","text":"3-17 ahoy","parsed":null,\#
        "client_id":"3-17"}}
        """#.replacing("\\#\n", with: "")
    private static let left =
        #"{"type":"member.left","channel_id":"chn_a","seq":8,"at":"","actor_id":"usr_c","member":{"user_id":"usr_b","role":"member"}}"#

    @Test func `an event gives its channel, its seq and its message's key and digest`() throws {
        let found = try #require(self.scan(Self.created) { $0.event(from: 0) })
        #expect(found.channel == "chn_a")
        guard case .message(let message) = found.event else {
            Issue.record("\(found.event)")
            return
        }
        #expect(message.seq == 7 && message.key == MessageKey(client: 3, number: 17))
        #expect(message.digest == TextDigest(of: "3-17 ahoy".utf8))
        #expect(self.scan(Self.left) { $0.event(from: 0)?.event } == .left(seq: 8, user: "usr_b"))
    }

    @Test func `a list of events is read whole, whatever its texts say`() throws {
        let nasty = Self.created.replacing(
            "ahoy", with: #"\"seq\":99,\"text\":\"x\" {\"type\":\"y\"} \u00e9\ud83d\ude00\n\\"#)
        let frame =
            #"{"type":"ok","ref":4,"events":["# + [Self.created, Self.left, nasty].joined(separator: ",")
            + #"],"seq":9}"#
        let events = try #require(self.scan(frame) { $0.events() })
        #expect(events.count == 3)
        guard case .message(let message) = events[2] else {
            Issue.record("\(events[2])")
            return
        }
        let text = "3-17 \"seq\":99,\"text\":\"x\" {\"type\":\"y\"} é😀\n\\"
        #expect(message.seq == 7 && message.digest == TextDigest(of: text.utf8))
        #expect(self.scan(#"{"type":"ok","ref":4,"events":[],"seq":9}"#) { $0.events() } == [])
        #expect(self.scan(#"{"type":"ok","ref":4}"#) { $0.events() } == nil)
    }

    @Test func `a page of history and an answer give their messages`() throws {
        let message = #"{"id":"chn_a.7","channel_id":"chn_a","seq":7,"user_id":"usr_b","text":"3-17 ahoy"}"#
        let page =
            #"{"items":["# + message + "," + message.replacing("seq\":7", with: "seq\":8") + #"],"next_cursor":null}"#
        #expect(self.scan(page) { $0.messages() }?.map(\.seq) == [7, 8])
        #expect(self.scan(#"{"items":[],"next_cursor":null}"#) { $0.messages() } == [])
        let ok = #"{"type":"ok","ref":12,"message":"# + message + "}"
        #expect(self.scan(ok) { $0.message(from: 0)?.seq } == 7)
        #expect(self.scan(ok) { $0.integer("\"ref\":") } == 12)
        #expect(
            self.scan(#"{"type":"error","ref":12,"code":"unavailable"}"#) { $0.string("\"code\":\"") } == "unavailable")
    }

    @Test func `a text that is not ours is foreign`() throws {
        let ghost = try #require(self.scan(Self.created.replacing("3-17 ahoy", with: "boo")) { $0.event(from: 0) })
        guard case .message(let message) = ghost.event else {
            Issue.record("\(ghost.event)")
            return
        }
        #expect(message.key.isForeign)
    }

    @Test func `no bytes make the scan trap`() {
        var generator = SplitMix(seed: 12)
        let sound = Array((#"{"type":"ok","ref":4,"events":["# + Self.created + "," + Self.left + "]}").utf8)
        for _ in 0..<20_000 {
            var bytes = Array(sound.prefix(Int.random(in: 0...sound.count, using: &generator)))
            for _ in 0..<4 where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes.withUnsafeBytes { raw in
                let scan = FrameScan(raw)
                _ = scan.type()
                _ = scan.events()
                _ = scan.messages()
                _ = scan.channels()
                _ = scan.event(from: 0)
                _ = scan.strings("\"user_id\":\"")
            }
        }
    }
}
