import ClusterModel
import Testing

@testable import SWIM

/// One node whose peers are played by the test.
private struct Stage {
    static let cluster = ClusterID(high: 7, low: 7)
    var instance: SWIMInstance
    var now: UInt64 = 0

    static func id(_ number: UInt64) -> NodeID { NodeID(high: 0, low: number) }
    static func member(
        _ number: UInt64, _ status: MemberStatus = .alive, boot: UInt64 = 1, refutations: UInt64 = 0
    ) -> GossipMember {
        GossipMember(
            id: Self.id(number), address: PeerAddress(host: "10.0.0.\(number)", port: 7000),
            incarnation: Incarnation(boot: BootCounter(boot), refutations: refutations), status: status)
    }

    /// Node 1 with the peers 2... up to `nodes`, who have introduced themselves.
    init(nodes: UInt64, settings: SWIMSettings = SWIMSettings(), seed: UInt64 = 5) {
        self.instance = SWIMInstance(self: Self.member(1), cluster: Self.cluster, settings: settings, seed: seed)
        self.tick(at: 0)
        if nodes > 1 { for number in 2...nodes { self.hear(.gossip, from: number) } }
    }

    mutating func step(_ input: SWIMInput) -> [SWIMEffect] { self.instance.step(input) }

    @discardableResult
    mutating func tick(at now: UInt64) -> [SWIMEffect] {
        self.now = now
        return self.instance.step(.tick(nowMilliseconds: now))
    }

    /// Ticks for so long; `reply` gives what peers answer to each sent message, at once.
    @discardableResult
    mutating func run(
        milliseconds: UInt64, every interval: UInt64 = 50,
        reply: (UInt64, SWIMMessage) -> SWIMMessage.Kind? = { _, _ in nil }
    ) -> [SWIMEffect] {
        var all: [SWIMEffect] = []
        let end = self.now + milliseconds
        while self.now < end {
            var pending = self.tick(at: self.now + interval)
            while !pending.isEmpty {
                let effect = pending.removeFirst()
                all.append(effect)
                if case .send(let message, let to, _) = effect, let kind = reply(to.low, message) {
                    pending += self.hear(kind, from: to.low)
                }
            }
        }
        return all
    }

    @discardableResult
    mutating func hear(
        _ kind: SWIMMessage.Kind, from number: UInt64, rumours: [Rumour] = [], boot: UInt64 = 1,
        refutations: UInt64 = 0, cluster: ClusterID = Stage.cluster
    ) -> [SWIMEffect] {
        let message = SWIMMessage(
            cluster: cluster, origin: Self.member(number, boot: boot, refutations: refutations), kind: kind,
            rumours: rumours)
        return self.instance.step(.received(message, from: Self.id(number)))
    }

    func status(_ number: UInt64) -> MemberStatus? { self.instance[Self.id(number)]?.status }

    /// A peer that answers pings.
    static func wellBehaved(_ message: SWIMMessage) -> SWIMMessage.Kind? {
        if case .ping(let number) = message.kind { return .ack(number) }
        return nil
    }
}

extension [SWIMEffect] {
    fileprivate var messages: [(to: UInt64, message: SWIMMessage)] {
        self.compactMap { effect in
            if case .send(let message, let to, _) = effect { return (to.low, message) }
            return nil
        }
    }
    fileprivate var changes: [(UInt64, MemberStatus)] {
        self.compactMap { effect in
            if case .changed(let member, _) = effect { return (member.id.low, member.status) }
            return nil
        }
    }
    fileprivate var pings: [UInt64] {
        self.messages.compactMap { to, message in
            if case .ping = message.kind { return to }
            return nil
        }
    }
}

@Suite struct SWIMProbingTests {
    @Test func `one member is probed per period, each once a round`() {
        var stage = Stage(nodes: 5)
        let pings = stage.run(milliseconds: 8_000) { _, message in Stage.wellBehaved(message) }.pings
        #expect((15...17).contains(pings.count))
        for round in 0..<3 {
            #expect(Set(pings.dropFirst(round * 4).prefix(4)).count == 4)
        }
    }

    @Test func `a ping is answered under its number`() {
        var stage = Stage(nodes: 2)
        let answers = stage.hear(.ping(ProbeNumber(77)), from: 2).messages
        #expect(answers.count == 1 && answers[0].to == 2)
        #expect(answers.first?.message.kind == .ack(ProbeNumber(77)))
    }

    @Test func `others are asked when a probe is not answered in time`() {
        var stage = Stage(nodes: 6)
        let messages = stage.run(milliseconds: 800).messages
        let requests = messages.filter { _, message in
            if case .pingRequest = message.kind { return true }
            return false
        }
        #expect(requests.count == 3)
        #expect(Set(requests.map(\.to)).count == 3)
        #expect(
            !requests.map(\.to).contains(
                messages.first { _, message in
                    if case .ping = message.kind { return true }
                    return false
                }!.to))
    }

    @Test func `an acknowledgement through another member is as good as a direct one`() {
        var stage = Stage(nodes: 4)
        stage.run(milliseconds: 6_000) { to, message in
            // Node 4 does not answer node 1, but the others reach it.
            switch message.kind {
            case .ping(let number): to == 4 ? nil : .ack(number)
            case .pingRequest(let number, _): .ack(number)
            default: nil
            }
        }
        #expect(stage.status(4) == .alive)
        #expect(stage.instance.healthMultiplier == 1)
    }

    @Test func `an acknowledgement by somebody who was not asked counts for nothing`() {
        var stage = Stage(nodes: 3)
        stage.run(milliseconds: 2_000) { to, message in
            // Node 2 answers nothing; node 3, itself well, invents acknowledgements.
            if to == 3 { return Stage.wellBehaved(message) }
            return nil
        }
        for number in 0..<100 as Range<UInt64> { stage.hear(.ack(ProbeNumber(number)), from: 9) }
        stage.run(milliseconds: 2_000) { to, message in to == 3 ? Stage.wellBehaved(message) : nil }
        #expect(stage.status(2) == .suspect || stage.status(2) == .dead)
    }

    @Test func `a request to probe is passed on and its answer passed back`() {
        var stage = Stage(nodes: 3)
        let asked = stage.hear(.pingRequest(ProbeNumber(5), target: Stage.id(3)), from: 2).messages
        guard asked.count == 1, asked[0].to == 3, case .ping(let own) = asked[0].message.kind else {
            Issue.record("\(asked)")
            return
        }
        let answers = stage.hear(.ack(own), from: 3).messages
        #expect(answers.map(\.to) == [2] && answers.map(\.message.kind) == [.ack(ProbeNumber(5))])
        #expect(stage.hear(.ack(own), from: 3).messages.isEmpty)
    }

    @Test func `a request whose target is silent or unknown is refused in time`() {
        var stage = Stage(nodes: 3)
        let unknown = stage.hear(.pingRequest(ProbeNumber(5), target: Stage.id(99)), from: 2).messages
        #expect(unknown.map(\.message.kind) == [.nack(ProbeNumber(5))])
        stage.hear(.pingRequest(ProbeNumber(6), target: Stage.id(3)), from: 2)
        let kinds = stage.run(milliseconds: 250).messages.map(\.message.kind)
        #expect(kinds.contains(.nack(ProbeNumber(6))))
    }

    @Test func `no more probes are made for others than the bound`() {
        var stage = Stage(nodes: 3)
        for number in 0..<100 as Range<UInt64> {
            stage.hear(.pingRequest(ProbeNumber(number), target: Stage.id(3)), from: 2)
        }
        #expect(stage.instance.relays.count == 64)
        stage.run(milliseconds: 1_100)
        #expect(stage.instance.relays.isEmpty)
    }
}

@Suite struct SWIMSuspectingTests {
    @Test func `a silent member is suspected, then dead`() {
        var stage = Stage(nodes: 4)
        let changes = stage.run(milliseconds: 20_000) { to, message in
            to == 4 ? nil : Stage.wellBehaved(message)
        }.changes
        #expect(changes.filter { $0.0 == 4 }.map(\.1) == [.suspect, .dead])
        #expect(stage.status(2) == .alive && stage.status(3) == .alive)
    }

    @Test func `alone with its accusation a node waits the longest time, with others the shortest`() {
        func suspicionTime(confirmations: UInt64) -> UInt64 {
            var stage = Stage(nodes: 6)
            _ = stage.step(.connectionLost(Stage.id(6)))
            for accuser in 0..<confirmations {
                stage.hear(
                    .gossip, from: 2,
                    rumours: [Rumour(Stage.member(6, .suspect), accuser: Stage.id(2 + accuser))])
            }
            let start = stage.now
            while stage.status(6) == .suspect {
                stage.run(milliseconds: 50) { to, message in to == 6 ? nil : Stage.wellBehaved(message) }
            }
            return stage.now - start
        }
        #expect((9_000...9_050).contains(suspicionTime(confirmations: 0)))
        #expect((6_000...6_050).contains(suspicionTime(confirmations: 1)))
        #expect((3_000...3_050).contains(suspicionTime(confirmations: 3)))
    }

    @Test func `a lost connection makes a member suspect at once`() {
        var stage = Stage(nodes: 3)
        let changes = stage.step(.connectionLost(Stage.id(2))).changes
        #expect(changes.map(\.0) == [2] && changes.map(\.1) == [.suspect])
        #expect(stage.step(.connectionLost(Stage.id(99))).isEmpty)
    }

    @Test func `a suspect hears the accusation first, in whatever is sent to it`() {
        var stage = Stage(nodes: 3)
        _ = stage.step(.connectionLost(Stage.id(2)))
        let answer = stage.hear(.ping(ProbeNumber(1)), from: 2).messages.first?.message
        #expect(answer?.rumours.first == Rumour(Stage.member(2, .suspect), accuser: Stage.id(1)))
    }

    @Test func `a suspect is asked once more before its time is up, and its answer saves it`() {
        var stage = Stage(nodes: 6)
        stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(6, .suspect), accuser: Stage.id(2))])
        // Node 6 has objected, but nobody told node 1. Probes reach it through others only, so node 1 does not accuse it.
        func answer(_ to: UInt64, _ message: SWIMMessage) -> SWIMMessage.Kind? {
            if case .pingRequest(let number, _) = message.kind { return .ack(number) }
            return to == 6 ? nil : Stage.wellBehaved(message)
        }
        stage.run(milliseconds: 4_400, reply: answer)
        let effects = stage.run(milliseconds: 150, reply: answer)
        let appeal = effects.messages.first { $0.to == 6 }
        #expect(appeal?.message.rumours.first?.member.status == .suspect)
        if case .ping(let number) = appeal?.message.kind { stage.hear(.ack(number), from: 6, refutations: 1) }
        #expect(stage.status(6) == .alive)
    }

    @Test func `a suspect that objects is alive again`() {
        var stage = Stage(nodes: 3)
        _ = stage.step(.connectionLost(Stage.id(2)))
        stage.hear(.gossip, from: 2)
        #expect(stage.status(2) == .suspect)
        stage.hear(.gossip, from: 2, refutations: 1)
        #expect(stage.status(2) == .alive)
    }

    @Test func `an accused node objects with a higher incarnation and doubts its own health`() {
        var stage = Stage(nodes: 3)
        let accusation = Rumour(Stage.member(1, .suspect), accuser: Stage.id(3))
        let effects = stage.hear(.ping(ProbeNumber(1)), from: 2, rumours: [accusation])
        let objection = Incarnation(boot: BootCounter(1), refutations: 1)
        #expect(effects.contains(.refuted(objection)))
        #expect(effects.messages.first?.message.origin.incarnation == objection)
        #expect(stage.instance.healthMultiplier == 2)
        #expect(stage.hear(.gossip, from: 3, rumours: [accusation]).isEmpty)
    }

    @Test func `a node that is thought dead objects as well`() {
        var stage = Stage(nodes: 3)
        stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(1, .dead, refutations: 4))])
        #expect(stage.instance[Stage.id(1)]?.incarnation == Incarnation(boot: BootCounter(1), refutations: 5))
        #expect(stage.status(1) == .alive)
    }

    @Test func `news of a later boot of oneself are outbid and reported`() {
        var stage = Stage(nodes: 2)
        let effects = stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(1, boot: 8))])
        #expect(effects.contains(.rivalBoot(Incarnation(boot: BootCounter(8)))))
        #expect(stage.instance[Stage.id(1)]?.incarnation.boot == BootCounter(8))
        let last = Incarnation(boot: BootCounter(.max), refutations: .max)
        let absurd = GossipMember(
            id: Stage.id(1), address: PeerAddress(host: "x", port: 1), incarnation: last, status: .dead)
        stage.hear(.gossip, from: 2, rumours: [Rumour(absurd)])
        #expect(stage.status(1) == .alive)
    }
}

@Suite struct SWIMHealthTests {
    @Test func `a node that nobody answers slows its probes down`() {
        var stage = Stage(nodes: 6)
        let pings = stage.run(milliseconds: 30_000).pings
        #expect(stage.instance.healthMultiplier == 8)
        #expect(pings.count < 20)
    }

    @Test func `refusals of the helpers prove that the network works`() {
        var stage = Stage(nodes: 5)
        stage.run(milliseconds: 5_000) { to, message in
            switch message.kind {
            case .ping(let number): to == 5 ? nil : .ack(number)
            case .pingRequest(let number, _): .nack(number)
            default: nil
            }
        }
        #expect(stage.status(5) == .suspect)
        #expect(stage.instance.healthMultiplier == 1)
    }

    @Test func `a node that stood still blames itself and accuses nobody`() {
        var stage = Stage(nodes: 4)
        stage.run(milliseconds: 600) { _, message in Stage.wellBehaved(message) }
        let effects = stage.tick(at: stage.now + 5_000)
        #expect(effects.contains(.healthChanged(multiplier: 2)))
        #expect(stage.step(.connectionLost(Stage.id(2))).isEmpty)
        #expect(stage.run(milliseconds: 900).changes.isEmpty)
    }

    @Test func `time in which a node stood still is not time in which a suspect was silent`() {
        var stage = Stage(nodes: 3)
        _ = stage.step(.connectionLost(Stage.id(2)))
        stage.tick(at: stage.now + 60_000)
        #expect(stage.status(2) == .suspect)
    }

    @Test func `a clock that goes back stands still`() {
        var stage = Stage(nodes: 3)
        stage.run(milliseconds: 1_000) { _, message in Stage.wellBehaved(message) }
        stage.tick(at: 10)
        stage.tick(at: 0)
        #expect(stage.status(2) == .alive)
    }
}

@Suite struct SWIMBelievingTests {
    static let beliefs: [GossipMember] = (0...2).flatMap { refutations in
        MemberStatus.allCases.map { Stage.member(2, $0, refutations: refutations) }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `members that heard the same in any order believe the same`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let heard = (0..<6).map { _ in Self.beliefs.randomElement(using: &generator)! }
        func belief(after rumours: [GossipMember]) -> GossipMember? {
            var stage = Stage(nodes: 1)
            for member in rumours { stage.hear(.gossip, from: 3, rumours: [Rumour(member, accuser: Stage.id(3))]) }
            return stage.instance[Stage.id(2)]
        }
        #expect(belief(after: heard) == belief(after: heard.shuffled(using: &generator)))
        #expect(belief(after: heard) == belief(after: heard + heard))
    }

    @Test func `who repeats an accusation that was refuted is told so`() {
        var stage = Stage(nodes: 3)
        let objection = Stage.member(3, refutations: 1)
        stage.hear(.gossip, from: 3, refutations: 1)
        let stale = Rumour(Stage.member(3, .suspect), accuser: Stage.id(2))
        let answers = [SWIMMessage.Kind.gossip, .ping(ProbeNumber(1))].map { kind in
            stage.hear(kind, from: 2, rumours: [stale]).messages
        }
        for answer in answers {
            #expect(answer.map(\.to) == [2])
            #expect(answer.first?.message.rumours.first == Rumour(objection))
        }
    }

    @Test func `a restarted node is alive whatever was believed of its last life`() {
        for status in [MemberStatus.suspect, .dead, .left] {
            var stage = Stage(nodes: 2)
            stage.hear(.gossip, from: 3, rumours: [Rumour(Stage.member(2, status, refutations: 900))])
            #expect(stage.status(2) == status)
            let changes = stage.hear(.gossip, from: 2, boot: 2).changes
            #expect(changes.map(\.1) == [.alive])
        }
    }

    @Test func `a restart is told even when the death was never noticed`() {
        var stage = Stage(nodes: 2)
        let effects = stage.hear(.gossip, from: 2, boot: 2)
        #expect(effects.contains(.changed(Stage.member(2, boot: 2), previous: .alive)))
    }

    @Test func `a message of another cluster changes nothing`() {
        var stage = Stage(nodes: 3)
        let before = stage.instance.members
        let foreign = ClusterID(high: 8, low: 8)
        let effects = stage.hear(
            .syncRequest([Rumour(Stage.member(3, .dead, boot: 99))]), from: 2,
            rumours: [Rumour(Stage.member(1, .dead, boot: 99))], boot: 99, cluster: foreign)
        #expect(effects == [.foreignCluster(foreign, from: Stage.id(2))])
        #expect(stage.instance.members == before)
    }

    @Test func `nobody speaks for another`() {
        var stage = Stage(nodes: 3)
        let message = SWIMMessage(cluster: Stage.cluster, origin: Stage.member(2, boot: 5), kind: .ping(ProbeNumber(1)))
        #expect(stage.step(.received(message, from: Stage.id(3))).isEmpty)
        let own = SWIMMessage(cluster: Stage.cluster, origin: Stage.member(1, boot: 5), kind: .ping(ProbeNumber(1)))
        #expect(stage.step(.received(own, from: Stage.id(1))).isEmpty)
        let ghost = SWIMMessage(cluster: Stage.cluster, origin: Stage.member(2, .dead), kind: .ping(ProbeNumber(1)))
        #expect(stage.step(.received(ghost, from: Stage.id(2))).isEmpty)
    }

    @Test func `members are listed in order, oneself among them`() {
        let stage = Stage(nodes: 4)
        #expect(stage.instance.members.map(\.id.low) == [1, 2, 3, 4])
    }

    @Test func `no flood of names grows the table beyond its bound`() {
        var stage = Stage(nodes: 2)
        for start in stride(from: UInt64(10), to: 3_010, by: 50) {
            stage.hear(.gossip, from: 2, rumours: (start..<start + 50).map { Rumour(Stage.member($0)) })
        }
        #expect(stage.instance.members.count == SWIMMessage.membersMax)
    }

    @Test func `a tombstone is kept for a day and ends everywhere at the same time`() {
        var stage = Stage(nodes: 2)
        let hour: UInt64 = 60 * 60 * 1000
        stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(3, .dead), goneForMilliseconds: 23 * hour)])
        stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(4, .dead), goneForMilliseconds: 24 * hour)])
        #expect(stage.status(3) == .dead && stage.status(4) == nil)
        stage.tick(at: stage.now + hour - 1_000)
        #expect(stage.status(3) == .dead)
        let told = stage.instance.everything.first { $0.member.id.low == 3 }?.goneForMilliseconds
        #expect(told == 24 * hour - 1_000)
        for _ in 0..<120 { stage.tick(at: stage.now + 200) }
        #expect(stage.status(3) == nil)
    }
}

@Suite struct SWIMJoiningTests {
    @Test func `a contact is asked for everything it knows`() {
        var stage = Stage(nodes: 1)
        let effects = stage.step(.contact(Stage.id(2), PeerAddress(host: "10.0.0.2", port: 7000)))
        #expect(effects.messages.map(\.to) == [2])
        #expect(effects.messages.first?.message.kind == .syncRequest(stage.instance.everything))
        #expect(stage.status(2) == .alive)
        stage.hear(.syncReply([Rumour(Stage.member(2)), Rumour(Stage.member(3))]), from: 2)
        #expect(stage.instance.members.map(\.id.low) == [1, 2, 3])
    }

    @Test func `a contact that never answers ends up dead`() {
        var stage = Stage(nodes: 3)
        _ = stage.step(.contact(Stage.id(9), PeerAddress(host: "10.0.0.9", port: 7000)))
        stage.run(milliseconds: 20_000) { to, message in to == 9 ? nil : Stage.wellBehaved(message) }
        #expect(stage.status(9) == .dead)
    }

    @Test func `a member's own address outranks that of a contact`() {
        var stage = Stage(nodes: 2)
        let old = PeerAddress(host: "old", port: 1)
        let effects = stage.step(.contact(Stage.id(2), old))
        #expect(stage.instance[Stage.id(2)]?.address == Stage.member(2).address)
        // But it is tried, since the member may have moved.
        #expect(
            effects == effects.filter { if case .send(_, _, old) = $0 { true } else { false } } && effects.count == 1)
    }

    @Test func `the contact of oneself is ignored`() {
        var stage = Stage(nodes: 1)
        #expect(stage.step(.contact(Stage.id(1), PeerAddress(host: "x", port: 1))).isEmpty)
    }

    @Test func `a table is answered with a table`() {
        var stage = Stage(nodes: 3)
        let answers = stage.hear(.syncRequest([]), from: 2).messages
        #expect(answers.map(\.message.kind) == [.syncReply(stage.instance.everything)])
    }

    @Test func `another's dead are only suspects to who knows them alive`() {
        var stage = Stage(nodes: 3)
        stage.hear(.syncReply([Rumour(Stage.member(3, .dead))]), from: 2)
        #expect(stage.status(3) == .suspect)
        stage.hear(.syncReply([Rumour(Stage.member(8, .dead))]), from: 2)
        #expect(stage.status(8) == .dead)
    }

    @Test func `the dead are asked from time to time whether they are back, those who left are not`() {
        var stage = Stage(nodes: 4)
        stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(3, .dead)), Rumour(Stage.member(4, .left))])
        let messages = stage.run(milliseconds: 21_000) { _, message in Stage.wellBehaved(message) }.messages
        #expect((3...5).contains(messages.count { $0.to == 3 }))
        #expect(!messages.contains { $0.to == 4 })
    }

    @Test func `who leaves tells everybody and does not come back by rumours`() {
        var stage = Stage(nodes: 4)
        let messages = stage.step(.leave).messages
        #expect(Set(messages.map(\.to)) == [2, 3, 4])
        #expect(messages.allSatisfy { $0.message.origin.status == .left })
        #expect(stage.hear(.gossip, from: 2, rumours: [Rumour(Stage.member(1, .dead))]).isEmpty)
        #expect(stage.run(milliseconds: 3_000).pings.isEmpty)
        #expect(stage.step(.leave).isEmpty)
    }

    @Test func `a member that left is gone at once`() {
        var stage = Stage(nodes: 3)
        let bye = SWIMMessage(cluster: Stage.cluster, origin: Stage.member(2, .left), kind: .gossip)
        let effects = stage.step(.received(bye, from: Stage.id(2)))
        #expect(effects == [.changed(Stage.member(2, .left), previous: .alive)])
    }

    @Test func `a pair at rest exchanges probes and nothing else`() {
        var stage = Stage(nodes: 2)
        stage.run(milliseconds: 10_000) { _, message in Stage.wellBehaved(message) }
        let messages = stage.run(milliseconds: 9_000) { _, message in Stage.wellBehaved(message) }.messages
        #expect(messages.count <= 20)
    }
}
