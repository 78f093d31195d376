import ChatModel
import ClientProtocol
import ClusterModel
import Identity
import Testing

@testable import Gateway

@Suite struct ConnectionStateTests {
    private static let anna = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 2))
    private static let start: Int64 = 1_000_000

    /// A machine with its clock.
    private struct Bench {
        var state = ConnectionState(settings: SocketSettings(), now: Self.time(0))
        var now: Int64 = 0

        static func time(_ offset: Int64) -> SocketTime {
            SocketTime(uptime: 5_000 + offset, wall: Timestamp(milliseconds: ConnectionStateTests.start + offset))
        }

        mutating func step(_ input: ConnectionState.Input) -> [ConnectionState.Effect] {
            var effects: [ConnectionState.Effect] = []
            self.state.step(input, at: Self.time(self.now), into: &effects)
            return effects
        }
        mutating func text(
            _ json: String, _ allowance: ConnectionState.Allowance = .granted
        ) -> [ConnectionState.Effect] {
            self.step(.received(.text(Array(json.utf8)), allowance))
        }
        mutating func tick(at time: Int64) -> [ConnectionState.Effect] {
            self.now = time
            return self.step(.tick)
        }
        mutating func goLive(for milliseconds: Int64 = 900_000) {
            _ = self.text(#"{"type":"auth","token":"t"}"#)
            _ = self.step(.verified(.success(ConnectionStateTests.token(until: milliseconds))))
            _ = self.step(.loaded(Array(#"{"type":"ready"}"#.utf8)))
        }
    }

    private static func token(until milliseconds: Int64, actor: Actor = Self.anna) -> Authenticated {
        Authenticated(
            actor: actor, issuedAt: Timestamp(milliseconds: Self.start),
            expiresAt: Timestamp(milliseconds: Self.start + milliseconds))
    }

    private func closeCode(_ effects: [ConnectionState.Effect]) -> UInt16? {
        for case .close(let code, _, _) in effects { return code }
        return nil
    }
    private func said(_ effects: [ConnectionState.Effect]) -> [JSONObject] {
        effects.compactMap { effect in
            guard case .say(let bytes) = effect else { return nil }
            return (try? JSONValue(parsing: bytes))?.asObject
        }
    }

    @Test func `who does not sign in within ten seconds is closed with 4401`() {
        var bench = Bench()
        #expect(self.closeCode(bench.tick(at: 9_999)) == nil)
        #expect(self.closeCode(bench.tick(at: 10_000)) == 4_401)
    }

    @Test(arguments: [#"{"type":"ping"}"#, #"{"type":"nonsense"}"#, #"{"type":"auth"}"#, #"{}"#])
    func `any other first frame is closed with 4401`(json: String) {
        var bench = Bench()
        #expect(self.closeCode(bench.text(json)) == 4_401)
    }

    @Test(arguments: ["nonsense", "[]", "1", "\"text\"", "{", "{}x", "\u{FEFF}{}"])
    func `what is no JSON object is closed with 4400, before and after signing in`(json: String) {
        var bench = Bench()
        #expect(self.closeCode(bench.text(json)) == 4_400)
        var live = Bench()
        live.goLive()
        #expect(self.closeCode(live.text(json)) == 4_400)
    }

    @Test func `failures of a token have their codes`() {
        for (failure, code) in [
            (AuthFailure.invalid, 4_401), (.expired, 4_401), (.missing, 4_401), (.revoked, 4_403), (.notReady, 1_013),
        ] as [(AuthFailure, UInt16)] {
            var bench = Bench()
            _ = bench.text(#"{"type":"auth","token":"t"}"#)
            #expect(self.closeCode(bench.step(.verified(.failure(failure)))) == code)
        }
    }

    @Test func `frames sent behind auth wait for ready and follow it in order`() {
        var bench = Bench()
        _ = bench.text(#"{"type":"auth","token":"t"}"#)
        #expect(bench.text(#"{"type":"ping","ref":1}"#).isEmpty)
        _ = bench.step(.verified(.success(Self.token(until: 900_000))))
        #expect(bench.text(#"{"type":"ping","ref":2}"#).isEmpty)
        let said = self.said(bench.step(.loaded(Array(#"{"type":"ready"}"#.utf8))))
        #expect(said.map { $0.string("type") } == ["ready", "pong", "pong"])
        #expect(said.map { $0.int("ref") } == [nil, 1, 2])
    }

    @Test func `two periods without a frame are 4001 and a ping goes out in each`() {
        var bench = Bench()
        bench.goLive()
        var pings = 0
        for second in 1..<60 as Range<Int64> {
            for case .ping in bench.tick(at: second * 1_000) { pings += 1 }
        }
        #expect(pings == 1)
        #expect(self.closeCode(bench.tick(at: 60_000)) == 4_001)
    }

    @Test func `any frame keeps a socket`() {
        var bench = Bench()
        bench.goLive()
        for second in stride(from: 1_000 as Int64, to: 300_000, by: 1_000) {
            if second % 29_000 == 0 {
                bench.now = second
                _ = bench.step(.received(.pong, .granted))
            }
            #expect(self.closeCode(bench.tick(at: second)) == nil)
        }
    }

    @Test func `a socket ends with its token unless a fresh one of the same user comes`() {
        var bench = Bench()
        bench.goLive(for: 20_000)
        #expect(self.closeCode(bench.tick(at: 19_999)) == nil)
        _ = bench.text(#"{"type":"auth","token":"u","ref":"again"}"#)
        let stranger = Actor(user: UserID(high: 9, low: 9), role: .admin, session: SessionID(high: 9, low: 9))
        let refused = self.said(bench.step(.verified(.success(Self.token(until: 90_000, actor: stranger)))))
        #expect(refused.first?.string("code") == "forbidden")
        _ = bench.text(#"{"type":"auth","token":"u","ref":"again"}"#)
        let accepted = self.said(bench.step(.verified(.success(Self.token(until: 50_000)))))
        #expect(accepted.first?.string("type") == "ok")
        #expect(accepted.first?.string("ref") == "again")
        _ = bench.step(.received(.pong, .granted))
        #expect(self.closeCode(bench.tick(at: 49_999)) == nil)
        #expect(self.closeCode(bench.tick(at: 50_000)) == 4_401)
    }

    @Test func `what is not read for thirty seconds is 4000`() {
        var bench = Bench()
        bench.goLive()
        _ = bench.step(.blocked)
        #expect(self.closeCode(bench.tick(at: 29_999)) == nil)
        _ = bench.step(.unblocked)
        #expect(self.closeCode(bench.tick(at: 30_000)) == nil)
        _ = bench.step(.received(.pong, .granted))
        _ = bench.step(.blocked)
        #expect(self.closeCode(bench.tick(at: 60_000)) == 4_000)
    }

    @Test func `a close is answered once with the peer's code and then cut`() {
        var bench = Bench()
        bench.goLive()
        let effects = bench.step(.received(.close(1_001), .granted))
        #expect(self.closeCode(effects) == 1_001)
        guard case .cut? = effects.last else {
            Issue.record("not cut")
            return
        }
        #expect(bench.step(.end(.goingAway)).isEmpty)
    }

    @Test func `who does not answer a close is cut after five seconds`() {
        var bench = Bench()
        bench.goLive()
        #expect(self.closeCode(bench.step(.end(.goingAway))) == 1_001)
        #expect(bench.text(#"{"type":"ping"}"#).isEmpty)
        #expect(bench.tick(at: 4_999).isEmpty)
        #expect(bench.tick(at: 5_000).count == 1)
        #expect(!bench.state.isOpen)
    }

    @Test func `over the limit is an error, and 4029 when it does not end`() {
        var bench = Bench()
        bench.goLive()
        let error = self.said(bench.text(#"{"type":"ping","ref":5}"#, .refused))
        #expect(error.first?.string("code") == "rate_limited")
        #expect(error.first?.int("ref") == 5)
        #expect(self.closeCode(bench.text(#"{"type":"ping"}"#, .persistent)) == 4_029)
    }

    @Test func `requests beyond the bound are refused until answers come`() {
        var bench = Bench()
        bench.goLive()
        let channel = ChannelID(high: 3, low: 4)
        let send = #"{"type":"send","ref":1,"channel_id":"\#(channel)","text":"hi"}"#
        for _ in 0..<256 { #expect(self.said(bench.text(send)).isEmpty) }
        #expect(self.said(bench.text(send)).first?.string("code") == "overloaded")
        _ = bench.step(.answered(ServerFrame.ok(nil)))
        #expect(self.said(bench.text(send)).isEmpty)
    }

    @Test func `whatever else is asked for is carried out, and counts among the requests that wait`() {
        var bench = Bench()
        bench.goLive()
        let channel = ChannelID(high: 3, low: 4)
        let read = #"{"type":"read","ref":"r","channel_id":"\#(channel)","seq":4}"#
        for _ in 0..<256 {
            guard case .carryOut(.read(channel, seq: 4), let ref)? = bench.text(read).first else {
                Issue.record("not carried out")
                return
            }
            #expect(ref?.value == .string("r"))
        }
        #expect(self.said(bench.text(read)).first?.string("code") == "overloaded")
    }

    @Test func `a socket that says nothing but ping is idle after its time, and awake with the next request`() {
        var bench = Bench()
        bench.goLive()
        let idle = bench.state.settings.idleMilliseconds
        var passed: Int64 = 0
        while passed < idle {
            #expect(!bench.state.isIdle(at: Bench.time(bench.now)))
            _ = bench.text(#"{"type":"ping"}"#)
            bench.now += 20_000
            passed += 20_000
        }
        #expect(bench.state.isIdle(at: Bench.time(bench.now)))
        _ = bench.text(#"{"type":"typing.start","channel_id":"\#(ChannelID(high: 3, low: 4))"}"#)
        #expect(!bench.state.isIdle(at: Bench.time(bench.now)))
    }

    @Test func `an unknown type is an error that carries the ref and keeps the socket`() {
        var bench = Bench()
        bench.goLive()
        let error = self.said(bench.text(#"{"type":"dance","ref":"r"}"#))
        #expect(error.first?.string("code") == "unknown_type")
        #expect(error.first?.string("ref") == "r")
        #expect(bench.state.isOpen)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `after a close nothing but the cut follows, whatever comes`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bench = Bench()
        var isClosed = false
        for _ in 0..<200 {
            bench.now += Int64.random(in: 0...3_000, using: &generator)
            let effects: [ConnectionState.Effect]
            switch Int.random(in: 0..<14, using: &generator) {
            case 0: effects = bench.text(#"{"type":"auth","token":"t"}"#)
            case 1: effects = bench.step(.verified(.success(Self.token(until: 400_000))))
            case 2: effects = bench.step(.loaded(Array(#"{"type":"ready"}"#.utf8)))
            case 3: effects = bench.text(#"{"type":"ping","ref":1}"#)
            case 4: effects = bench.step(.blocked)
            case 5: effects = bench.step(.unblocked)
            case 6: effects = bench.step(.received(.ping([1]), .granted))
            case 7: effects = bench.step(.news([0x7B, 0x7D]))
            case 8: effects = bench.step(.verified(.failure(.notReady)))
            case 9 where seed % 3 == 0: effects = bench.step(.end(.goingAway))
            case 10 where seed % 5 == 0: effects = bench.step(.received(.close(nil), .granted))
            default: effects = bench.step(.tick)
            }
            for effect in effects {
                if case .cut = effect { continue }
                #expect(!isClosed, "seed \(seed): \(effect)")
                if case .close = effect { isClosed = true }
            }
        }
    }
}
