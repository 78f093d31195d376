import ClusterModel
import Testing

@testable import Founding

@Suite struct FoundingMachineTests {
    static let ada = PeerAddress(host: "ada", port: 7000)
    static let grace = PeerAddress(host: "grace", port: 7000)
    static let edsger = PeerAddress(host: "edsger", port: 7000)
    static let alias = PeerAddress(host: "ada.example", port: 7000)
    static let old = ClusterID(high: 1, low: 1)
    static let rival = ClusterID(high: 2, low: 2)

    static func machine(_ seeds: [PeerAddress], own: PeerAddress, nonce: UInt64 = 1) -> FoundingMachine {
        FoundingMachine(seeds: SeedList(seeds, own: own), ownAddress: own, nonce: nonce, seed: 7)
    }

    /// Ticks every 50 ms up to `until`; every dial is answered at once by `answer`, nil being unreachable.
    @discardableResult
    static func run(
        _ machine: inout FoundingMachine, from start: UInt64 = 0, until end: UInt64,
        answer: (PeerAddress, UInt64) -> FoundingAnswer?
    ) -> [FoundingEffect] {
        var told: [FoundingEffect] = []
        for now in stride(from: start, through: end, by: 50) {
            var pending = machine.step(.tick(nowMilliseconds: now))
            while !pending.isEmpty {
                let effect = pending.removeFirst()
                if case .dial(let address, let question) = effect {
                    pending += machine.step(
                        answer(address, now).map { .answered(address, question: question, $0) }
                            ?? .unreachable(address))
                } else {
                    told.append(effect)
                }
            }
        }
        return told
    }

    @Test func `a seed list of only oneself founds at once`() {
        var machine = Self.machine([Self.ada], own: Self.ada)
        #expect(machine.step(.tick(nowMilliseconds: 0)) == [.found])
        #expect(machine.step(.tick(nowMilliseconds: 50)).isEmpty)
    }

    @Test func `no seed list is a seed list of oneself`() {
        var machine = Self.machine([], own: Self.ada)
        #expect(machine.step(.tick(nowMilliseconds: 0)) == [.found])
    }

    @Test func `the first seed founds within a second when all other seeds are empty`() {
        let seeds = [Self.ada, Self.grace, Self.edsger]
        var machine = Self.machine(seeds, own: Self.ada)
        let hash = machine.seeds.hash
        let effects = Self.run(&machine, until: 1000) { address, _ in
            .empty(hash, nonce: address == Self.grace ? 2 : 3)
        }
        #expect(effects == [.found])
    }

    @Test func `a seed that is not the first never founds`() {
        let seeds = [Self.ada, Self.grace]
        var machine = Self.machine(seeds, own: Self.grace)
        let hash = machine.seeds.hash
        let effects = Self.run(&machine, until: 60_000) { _, _ in .empty(hash, nonce: 2) }
        #expect(!effects.contains(.found))
        #expect(machine.state == .waiting)
    }

    @Test func `a node outside the list never founds`() {
        var machine = Self.machine([Self.ada], own: Self.grace)
        let hash = machine.seeds.hash
        #expect(!Self.run(&machine, until: 60_000) { _, _ in .empty(hash, nonce: 2) }.contains(.found))
    }

    @Test func `a member's answer is joined, by seeds and by others`() {
        for own in [Self.ada, Self.grace, PeerAddress(host: "new", port: 7000)] {
            var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: own)
            let effects = Self.run(&machine, until: 200) { address, _ in
                address == Self.edsger ? .member(Self.old) : nil
            }
            #expect(effects == [.join(Self.old, via: Self.edsger)])
        }
    }

    @Test func `a peer that is no seed can be joined but does not count as an empty seed`() {
        var machine = Self.machine([Self.ada, Self.grace], own: Self.ada)
        let stranger = PeerAddress(host: "stranger", port: 7000)
        #expect(machine.step(.answered(stranger, question: nil, .empty(machine.seeds.hash, nonce: 9))).isEmpty)
        #expect(machine.step(.answered(stranger, question: nil, .member(Self.old))) == [.join(Self.old, via: stranger)])
    }

    @Test func `a wiped first seed whose other seeds are silent waits and says for whom`() {
        var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: Self.ada)
        let hash = machine.seeds.hash
        let effects = Self.run(&machine, until: 21_000) { address, _ in
            address == Self.grace ? .empty(hash, nonce: 2) : nil
        }
        let reason = WaitingReason(
            mayFound: true, silent: [Self.edsger], differing: [], aliases: [], cluster: nil)
        #expect(effects == Array(repeating: .waiting(reason), count: 4))
        #expect(machine.waitingReason == reason)
    }

    @Test func `answers that are older than the window do not count`() {
        var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: Self.ada)
        machine = FoundingMachine(
            seeds: machine.seeds, ownAddress: Self.ada, nonce: 1,
            settings: {
                var settings = FoundingSettings(); settings.refreshMilliseconds = 60_000; return settings
            }(),
            seed: 7)
        let hash = machine.seeds.hash
        // Grace answers in the beginning only, Edsger after eleven seconds only.
        let effects = Self.run(&machine, until: 11_000) { address, now in
            if address == Self.grace { return now < 100 ? .empty(hash, nonce: 2) : nil }
            return now > 10_500 ? .empty(hash, nonce: 3) : nil
        }
        #expect(!effects.contains(.found))
    }

    @Test func `a seed that was empty and then fell silent stops counting at once`() {
        var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: Self.ada)
        let hash = machine.seeds.hash
        let effects = Self.run(&machine, until: 4_000) { address, now in
            if address == Self.grace { return now < 500 ? .empty(hash, nonce: 2) : nil }
            return now >= 1_000 ? .empty(hash, nonce: 3) : nil
        }
        #expect(effects.isEmpty)
    }

    @Test func `a seed that restarts between the rounds is asked once more`() {
        var machine = Self.machine([Self.ada, Self.grace], own: Self.ada)
        let hash = machine.seeds.hash
        var answers = 0
        let effects = Self.run(&machine, until: 2_000) { _, _ in
            answers += 1
            return .empty(hash, nonce: answers == 1 ? 2 : 3)
        }
        #expect(effects == [.found])
        #expect(answers == 3)
    }

    @Test func `one round of empty answers is not enough`() {
        var machine = Self.machine([Self.ada, Self.grace], own: Self.ada)
        let empty = FoundingAnswer.empty(machine.seeds.hash, nonce: 2)
        let first = FoundingQuestion(1)
        let second = FoundingQuestion(2)
        #expect(machine.step(.tick(nowMilliseconds: 0)) == [.dial(Self.grace, first)])
        #expect(machine.step(.answered(Self.grace, question: first, empty)).isEmpty)
        #expect(machine.step(.tick(nowMilliseconds: 50)) == [.dial(Self.grace, second)])
        // The first answer again, delayed on its way: it says nothing about the second round.
        #expect(machine.step(.answered(Self.grace, question: first, empty)).isEmpty)
        #expect(machine.step(.answered(Self.grace, question: nil, empty)).isEmpty)
        #expect(machine.step(.answered(Self.grace, question: second, empty)) == [.found])
    }

    @Test func `two clusters stop the node, whichever was met first`() {
        for pair in [[Self.old, Self.rival], [Self.rival, Self.old]] {
            var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: Self.ada)
            let effects = Self.run(&machine, until: 1000) { address, _ in
                .member(address == Self.grace ? pair[0] : pair[1])
            }
            #expect(effects == [.join(pair[0], via: Self.grace), .stop(.twoClusters(Self.old, Self.rival))])
        }
    }

    @Test func `differing seed lists are named and stop a first seed that could otherwise found`() {
        var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: Self.ada)
        let hash = machine.seeds.hash
        let other = SeedListHash(of: [Self.grace])
        let effects = Self.run(&machine, until: 20_000) { address, now in
            if address == Self.grace { return .empty(other, nonce: 2) }
            return now < 6_000 ? nil : .empty(hash, nonce: 3)
        }
        let reason = WaitingReason(
            mayFound: true, silent: [Self.edsger], differing: [Self.grace], aliases: [], cluster: nil)
        #expect(effects == [.waiting(reason), .stop(.differentSeedLists([Self.grace]))])
    }

    @Test func `a member is joined although another seed has a differing list`() {
        var machine = Self.machine([Self.ada, Self.grace, Self.edsger], own: Self.ada)
        let effects = Self.run(&machine, until: 20_000) { address, now in
            if address == Self.grace { return .empty(SeedListHash(rawValue: 1), nonce: 2) }
            return now < 6_000 ? nil : .member(Self.old)
        }
        #expect(effects.last == .join(Self.old, via: Self.edsger))
    }

    @Test func `the first seed is known by its own nonce under another name`() {
        var machine = Self.machine([Self.alias, Self.grace], own: Self.ada)
        let hash = machine.seeds.hash
        let effects = Self.run(&machine, until: 1000) { address, _ in
            .empty(hash, nonce: address == Self.alias ? 1 : 2)
        }
        #expect(effects == [.found])
    }

    @Test func `a node does not count itself as a second seed`() {
        var machine = Self.machine([Self.ada, Self.alias], own: Self.ada)
        let hash = machine.seeds.hash
        let effects = Self.run(&machine, until: 9_000) { _, _ in .empty(hash, nonce: 1) }
        #expect(
            effects == [
                .waiting(WaitingReason(mayFound: true, silent: [], differing: [], aliases: [Self.alias], cluster: nil))
            ])
    }

    @Test func `an operator founds where a seed is gone for good`() {
        var machine = Self.machine([Self.ada, Self.grace], own: Self.ada)
        Self.run(&machine, until: 1000) { _, _ in nil }
        #expect(
            machine.step(.initialise(confirming: SeedListHash(rawValue: 0))) == [
                .refused(.otherSeedList(machine.seeds.hash))
            ])
        #expect(machine.step(.initialise(confirming: machine.seeds.hash)) == [.found])
    }

    @Test func `an operator can not found beside a cluster, nor on another seed`() {
        var first = Self.machine([Self.ada, Self.grace], own: Self.ada)
        Self.run(&first, until: 100) { _, _ in .member(Self.old) }
        #expect(first.step(.initialise(confirming: first.seeds.hash)) == [.refused(.clusterExists(Self.old))])
        var second = Self.machine([Self.ada, Self.grace], own: Self.grace)
        #expect(second.step(.initialise(confirming: second.seeds.hash)) == [.refused(.notFirstSeed(Self.ada))])
    }

    @Test func `a failed join is tried again and never turns into a founding`() {
        var machine = Self.machine([Self.ada, Self.grace], own: Self.ada)
        let hash = machine.seeds.hash
        var effects = Self.run(&machine, until: 100) { _, _ in .member(Self.old) }
        #expect(machine.step(.joinFailed).isEmpty)
        effects += Self.run(&machine, from: 150, until: 30_000) { _, _ in .empty(hash, nonce: 2) }
        #expect(!effects.contains(.found))
        effects = Self.run(&machine, from: 30_050, until: 31_000) { _, _ in .member(Self.old) }
        #expect(effects.last == .join(Self.old, via: Self.grace))
    }

    @Test func `silent seeds are dialled at growing intervals of at most two seconds`() {
        var machine = Self.machine([Self.grace], own: Self.ada)
        var dials: [UInt64] = []
        Self.run(&machine, until: 30_000) { _, now in
            dials.append(now)
            return nil
        }
        let pauses = zip(dials, dials.dropFirst()).map { $1 - $0 }
        #expect(pauses[0] <= 150)
        #expect(pauses.allSatisfy { $0 <= 2_050 } && pauses.last! >= 950)
    }

    @Test func `a dial that nobody answers is repeated`() {
        var machine = Self.machine([Self.grace], own: Self.ada)
        let dials = stride(from: UInt64(0), through: 9_000, by: 50).flatMap { machine.step(.tick(nowMilliseconds: $0)) }
        #expect(dials.count >= 3)
    }

    @Test func `the hash of a seed list is fixed, knows the order and reads back`() {
        let hash = SeedListHash(of: [Self.ada, Self.grace])
        #expect(hash.description == "efe6f6d41bc1fc39")
        #expect(hash != SeedListHash(of: [Self.grace, Self.ada]))
        #expect(SeedListHash(hash.description) == hash)
        #expect(SeedListHash("+123456789abcdef") == nil && SeedListHash("12") == nil)
        #expect((try? SeedListHash(encoded: hash.encoded)) == hash)
        #expect(throws: WireError.self) { try SeedListHash(encoded: [1, 2, 3]) }
    }
}

@Suite struct FounderGuardTests {
    private let own = ClusterID(high: 1, low: 0)
    private let rival = ClusterID(high: 2, low: 0)

    @Test func `a young founder that another cluster lists stops`() {
        var watch = FounderGuard(cluster: self.own, holdsOnlyBootstrapEntries: true)
        #expect(watch.step(.metMember(of: self.rival, listsMyAddress: false)).isEmpty)
        #expect(watch.step(.metMember(of: self.own, listsMyAddress: true)).isEmpty)
        #expect(watch.step(.metMember(of: self.rival, listsMyAddress: true)) == [.stop(seemsWipedMemberOf: self.rival)])
    }

    @Test func `a founder with data raises one alarm and goes on`() {
        var watch = FounderGuard(cluster: self.own, holdsOnlyBootstrapEntries: true)
        #expect(watch.step(.holdsData).isEmpty)
        #expect(watch.step(.metMember(of: self.rival, listsMyAddress: true)) == [.alarm(rival: self.rival)])
        #expect(watch.step(.metMember(of: self.rival, listsMyAddress: true)).isEmpty)
    }
}
