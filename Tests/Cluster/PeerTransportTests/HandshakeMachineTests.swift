import ClusterModel
import Testing

@testable import PeerTransport

/// Ada dials Grace; both are members of one cluster unless a test says otherwise.
@Suite struct HandshakeMachineTests {
    static let cluster = ClusterID(high: 1, low: 1)
    static let ada = NodeID(high: 0xADA, low: 1)
    static let grace = NodeID(high: 0x62ACE, low: 1)

    static func hello(
        _ node: NodeID?, cluster: ClusterID = cluster, boot: UInt64 = 1, purpose: DialPurpose = .carry(.control),
        versions: WireRange = .current, nonce: UInt64 = 11
    ) -> PeerHello {
        PeerHello(
            versions: versions, purpose: purpose,
            standing: node.map { .member(cluster, $0, BootCounter(boot)) } ?? .empty, nonce: nonce, seedListHash: 1,
            address: PeerAddress(host: "127.0.0.1", port: 4223))
    }

    static let start = PeerStart(
        boot: BootCounter(1), nonce: 11, address: PeerAddress(host: "127.0.0.1", port: 4223))

    private func acceptor(_ own: PeerHello) -> HandshakeMachine {
        var machine = HandshakeMachine(role: .acceptor, own: own)
        #expect(machine.step(.tlsEstablished) == [])
        return machine
    }

    private func refusal(_ reason: HandshakeRefusal) -> [HandshakeMachine.Effect] {
        [.send(.refusal, [reason.rawValue]), .close(.refusedByUs(reason))]
    }

    @Test func `two members of one cluster open a session`() {
        let ada = Self.hello(Self.ada)
        let grace = Self.hello(Self.grace)
        var dialler = HandshakeMachine(role: .dialler(.carry(.bulk), expected: Self.grace), own: ada)
        var acceptor = self.acceptor(grace)

        var said = ada
        said.purpose = .carry(.bulk)
        #expect(dialler.step(.tlsEstablished) == [.send(.hello, said.encoded)])
        #expect(acceptor.step(.frame(.hello, said.encoded)) == [.judge(Self.ada, Self.start)])
        var answer = grace
        answer.purpose = .carry(.bulk)
        let session = PeerSession(purpose: .carry(.bulk), version: 1, peer: said)
        #expect(acceptor.step(.judged(.accepted)) == [.send(.hello, answer.encoded), .established(session)])
        #expect(dialler.step(.frame(.hello, answer.encoded)) == [.judge(Self.grace, Self.start)])
        #expect(
            dialler.step(.judged(.accepted))
                == [.established(PeerSession(purpose: .carry(.bulk), version: 1, peer: answer))])
        #expect(dialler.isOpen && acceptor.isOpen)
    }

    @Test func `nothing is read before TLS is up`() {
        var machine = HandshakeMachine(role: .acceptor, own: Self.hello(Self.grace))
        #expect(machine.step(.frame(.hello, Self.hello(Self.ada).encoded)) == [.close(.protocolViolation)])
        #expect(machine.step(.tlsEstablished) == [])
    }

    @Test func `each refusal has its name`() {
        var cloned = self.acceptor(Self.hello(Self.grace))
        #expect(cloned.step(.frame(.hello, Self.hello(Self.grace).encoded)) == self.refusal(.duplicateNode))
        var twin = self.acceptor(Self.hello(Self.grace))
        #expect(twin.step(.frame(.hello, Self.hello(Self.grace, nonce: 12).encoded)) == self.refusal(.twin))

        var foreign = self.acceptor(Self.hello(Self.grace))
        let other = Self.hello(Self.ada, cluster: ClusterID(high: 2, low: 2))
        #expect(foreign.step(.frame(.hello, other.encoded)) == self.refusal(.clusterMismatch))

        var homeless = self.acceptor(Self.hello(Self.grace))
        #expect(homeless.step(.frame(.hello, Self.hello(nil).encoded)) == self.refusal(.clusterMismatch))

        var unready = self.acceptor(Self.hello(nil))
        #expect(unready.step(.frame(.hello, Self.hello(Self.ada).encoded)) == self.refusal(.notReady))

        var later = self.acceptor(Self.hello(Self.grace))
        let future = Self.hello(Self.ada, versions: WireRange(2, 3)!)
        #expect(later.step(.frame(.hello, future.encoded)) == self.refusal(.version))

        var garbage = self.acceptor(Self.hello(Self.grace))
        #expect(garbage.step(.frame(.hello, [1, 2, 3])) == self.refusal(.malformed))

        for (verdict, reason) in [(DirectoryVerdict.staleBoot, HandshakeRefusal.staleBoot), (.removed, .removed)] {
            var judged = self.acceptor(Self.hello(Self.grace))
            _ = judged.step(.frame(.hello, Self.hello(Self.ada).encoded))
            #expect(judged.step(.judged(verdict)) == self.refusal(reason))
        }
    }

    @Test func `a dialler hangs up on another node than it dialled`() {
        var dialler = HandshakeMachine(
            role: .dialler(.carry(.control), expected: Self.grace), own: Self.hello(Self.ada))
        _ = dialler.step(.tlsEstablished)
        let alan = Self.hello(NodeID(high: 0xA1A, low: 1))
        #expect(dialler.step(.frame(.hello, alan.encoded)) == [.close(.refusedByUs(.wrongNode))])
    }

    @Test func `a dialler understands why it was refused`() {
        for reason in HandshakeRefusal.allCases {
            var dialler = HandshakeMachine(
                role: .dialler(.carry(.control), expected: Self.grace), own: Self.hello(Self.ada))
            _ = dialler.step(.tlsEstablished)
            #expect(dialler.step(.frame(.refusal, [reason.rawValue])) == [.close(.refusedByPeer(reason))])
        }
    }

    @Test(arguments: [[], [0], [200], [1, 1]] as [[UInt8]]) func `an unknown refusal is a violation`(bytes: [UInt8]) {
        var dialler = HandshakeMachine(role: .dialler(.probe, expected: nil), own: Self.hello(Self.ada))
        _ = dialler.step(.tlsEstablished)
        #expect(dialler.step(.frame(.refusal, bytes)) == [.close(.protocolViolation)])
    }

    @Test func `probes are answered by members and by empty nodes alike`() {
        for own in [Self.hello(nil), Self.hello(Self.grace)] {
            for caller in [Self.hello(nil, purpose: .probe), Self.hello(Self.ada, purpose: .probe)] {
                var machine = self.acceptor(own)
                var answer = own
                answer.purpose = .probe
                #expect(
                    machine.step(.frame(.hello, caller.encoded)) == [
                        .send(.hello, answer.encoded),
                        .established(PeerSession(purpose: .probe, version: 1, peer: caller)),
                    ])
            }
        }
    }

    @Test func `messages and second hellos before the session are violations`() {
        var early = self.acceptor(Self.hello(Self.grace))
        #expect(early.step(.frame(.message, [1])) == [.close(.protocolViolation)])
        var twice = self.acceptor(Self.hello(Self.grace))
        _ = twice.step(.frame(.hello, Self.hello(Self.ada).encoded))
        #expect(twice.step(.frame(.hello, Self.hello(Self.ada).encoded)) == [.close(.protocolViolation)])
        #expect(twice.step(.judged(.accepted)) == [])
        #expect(!twice.isOpen)
    }

    @Test func `silence ends in every state before the session and never after`() {
        var waiting = HandshakeMachine(role: .acceptor, own: Self.hello(Self.grace))
        #expect(waiting.step(.timeout) == [.close(.timedOut)])
        var silent = self.acceptor(Self.hello(Self.grace))
        #expect(silent.step(.timeout) == [.close(.timedOut)])
        #expect(silent.step(.timeout) == [])
        var open = self.acceptor(Self.hello(Self.grace))
        _ = open.step(.frame(.hello, Self.hello(Self.ada).encoded))
        _ = open.step(.judged(.accepted))
        #expect(open.step(.timeout) == [])
    }

    @Test func `refusals keep their numbers`() {
        #expect(
            HandshakeRefusal.allCases.map { "\($0.rawValue) \($0)" } == [
                "1 malformed", "2 version", "3 clusterMismatch", "4 staleBoot", "5 duplicateNode", "6 removed",
                "7 notReady",
                "8 wrongNode", "9 twin",
            ])
    }
}

@Suite struct KnownBootsTests {
    private let ada = NodeID(high: 0xADA, low: 1)
    private var boots = KnownBoots()

    private mutating func judge(
        _ boot: UInt64, _ nonce: UInt64, port: UInt16 = 1, durable: (UInt64, UInt64?)? = nil, isConnected: Bool = false
    ) -> DirectoryVerdict {
        self.boots.judge(
            self.ada,
            PeerStart(boot: BootCounter(boot), nonce: nonce, address: PeerAddress(host: "10.0.0.1", port: port)),
            durable: durable.map { (boot: BootCounter($0.0), nonce: $0.1) }, isConnected: isConnected)
    }

    @Test mutating func `a process may come back as often as it likes`() {
        for _ in 0..<3 { #expect(self.judge(4, 9, isConnected: true) == .accepted) }
    }

    @Test mutating func `a restart counts up`() {
        #expect(self.judge(4, 9) == .accepted)
        #expect(self.judge(5, 10) == .accepted)
        #expect(self.judge(4, 9) == .staleBoot)
        #expect(self.judge(4, 10) == .staleBoot)
    }

    @Test mutating func `the same count of another process is a clone`() {
        #expect(self.judge(4, 9) == .accepted)
        #expect(self.judge(4, 10) == .staleBoot)
        #expect(self.judge(4, 9) == .accepted)
    }

    @Test mutating func `the registry remembers what this process has not seen`() {
        #expect(self.judge(4, 9, durable: (5, nil)) == .staleBoot)
        #expect(self.judge(5, 9, durable: (5, nil)) == .accepted)
        #expect(self.judge(5, 9, durable: (5, 9)) == .accepted)
        #expect(self.judge(5, 9, durable: (5, 8)) == .staleBoot)
    }

    @Test mutating func `a copy that counts up at another address is refused while the first process is here`() {
        #expect(self.judge(4, 9) == .accepted)
        #expect(self.judge(5, 10, port: 2, isConnected: true) == .twin)
        #expect(self.judge(4, 9, isConnected: true) == .accepted, "the first one goes on")
        #expect(self.judge(5, 10, port: 2) == .accepted, "a node that has moved")
    }

    @Test mutating func `a restart at the same address is let in before its old connection is noticed as broken`() {
        #expect(self.judge(4, 9) == .accepted)
        #expect(self.judge(5, 10, isConnected: true) == .accepted)
    }
}

@Suite struct RedialMachineTests {
    private func machine() -> RedialMachine {
        var machine = RedialMachine(backoffMilliseconds: 50...2_000, seed: 3)
        #expect(machine.step(.start) == [.dial(afterMilliseconds: 0)])
        return machine
    }

    private func wait(_ effects: [RedialMachine.Effect]) -> UInt64? {
        guard case .dial(let milliseconds)? = effects.last else { return nil }
        return milliseconds
    }

    @Test func `waits double to the longest with jitter`() throws {
        var machine = self.machine()
        for whole in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000] as [UInt64] {
            let wait = try #require(self.wait(machine.step(.failed(refused: false))))
            #expect((whole / 2...whole).contains(wait))
        }
    }

    @Test func `a connection that lasted is dialled again at once`() {
        var machine = self.machine()
        _ = machine.step(.failed(refused: false))
        #expect(machine.step(.opened(nowMilliseconds: 10_000)) == [])
        #expect(machine.step(.closed(nowMilliseconds: 11_000)) == [.dial(afterMilliseconds: 0)])
        let refused = machine.step(.failed(refused: true))
        #expect(refused.first == .reportRefused)
    }

    @Test func `a peer that accepts and hangs up is not dialled in a loop`() throws {
        var machine = self.machine()
        var waits: [UInt64] = []
        for turn in 0..<8 as Range<UInt64> {
            _ = machine.step(.opened(nowMilliseconds: turn * 100))
            waits.append(try #require(self.wait(machine.step(.closed(nowMilliseconds: turn * 100 + 1)))))
        }
        #expect(waits.allSatisfy { $0 >= 25 })
        #expect(waits.last! >= 1_000)
    }

    @Test func `a stopped one does nothing more`() {
        var machine = self.machine()
        #expect(machine.step(.stop) == [.hangUp])
        for input in [.failed(refused: true), .opened(nowMilliseconds: 1), .start, .stop] as [RedialMachine.Input] {
            #expect(machine.step(input) == [])
        }
    }

    @Test func `a new address is dialled at once`() {
        var machine = self.machine()
        _ = machine.step(.failed(refused: true))
        #expect(machine.step(.addressChanged) == [.dial(afterMilliseconds: 0)])
        _ = machine.step(.opened(nowMilliseconds: 1))
        #expect(machine.step(.addressChanged) == [.hangUp])
    }
}

@Suite struct LogThrottleTests {
    @Test func `one line for each address and interval`() {
        var throttle = LogThrottle(intervalMilliseconds: 100)
        let asked: [(String, UInt64)] = [("ada", 0), ("ada", 99), ("grace", 99), ("ada", 100)]
        let allowed = asked.map { throttle.allows($0.0, nowMilliseconds: $0.1) }
        #expect(allowed == [true, false, true, true])
    }

    @Test func `a storm of addresses is forgotten and not remembered`() {
        var throttle = LogThrottle(intervalMilliseconds: 100, keyCountMax: 10)
        let allowed = (0..<1_000).filter { throttle.allows("\($0)", nowMilliseconds: 0) }.count
        #expect(allowed == 10)
        let later = throttle.allows("later", nowMilliseconds: 100)
        #expect(later)
    }
}

@Suite struct `A peer that is back` {
    @Test func `is dialled at once when it dials us, and an open connection is left alone`() {
        var machine = RedialMachine(backoffMilliseconds: 50...2_000, seed: 1)
        _ = machine.step(.start)
        for _ in 0..<10 { _ = machine.step(.failed(refused: true)) }
        #expect(machine.step(.peerSeen) == [.dial(afterMilliseconds: 0)])
        _ = machine.step(.opened(nowMilliseconds: 0))
        #expect(machine.step(.peerSeen).isEmpty)
    }
}
