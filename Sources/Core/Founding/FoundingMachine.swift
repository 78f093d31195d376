// How a node without an identity becomes a member: it joins the cluster that it finds, or, if it is the first
// seed and every other seed is as empty as itself, it founds one.
//
//             .member(C)                      .member(C)
//   waiting ─────────────▶ joining(C) ◀──────────────────┐
//      │  ▲                    │  └── .joinFailed ───────┤
//      │  └── a seed is silent │                         │ (still known: C, so founding is over for good)
//      │                       └── .member(D) ─▶ stopped
//      ├── all other seeds empty, asked twice ─▶ founded
//      └── differing seed lists, two clusters ─▶ stopped
//
// Safety. Suppose that one process at a time serves the first seed's address. Then a second automatic founding needs
// an instant in which *all* seeds are empty:
// - only the first seed founds, and while a cluster exists it must have been wiped to be here again;
// - a seed that ever joined answers `.member`, since its identity is durable before it serves anything;
//   one that does not answer keeps the founder waiting;
// - the founder asks twice. A seed that answers "empty" in both rounds under the same nonce was the same empty process
//   all the while, so all of them were empty at once in the instant between the rounds.

import ClusterModel

/// Decides once per empty data directory: join, found, wait, or stop. A node with an identity never runs it.
///
/// Pure: the host passes the time, dials where it is told, and reports the hello it got back. It calls `step` with a
/// tick every 50–100 ms from one thread. After `.found` or `.stop` the machine is silent; after `.join` it goes on
/// asking seeds, so that a second cluster is noticed, until the host drops it.
package struct FoundingMachine: Sendable {
    package enum State: Sendable, Equatable {
        /// → joining, founded, stopped.
        case waiting
        /// → waiting (the join failed), stopped (a second cluster was seen).
        case joining(ClusterID, via: PeerAddress)
        /// Final.
        case founded
        /// Final.
        case stopped(StopReason)
    }

    package private(set) var state: State = .waiting
    package let seeds: SeedList
    package let ownAddress: PeerAddress
    package let settings: FoundingSettings

    /// Goes into every hello of this process; who gets it back has dialled itself.
    package let nonce: UInt64

    var asked: [AskedSeed]
    /// Once a cluster was seen, this node never founds another, whatever becomes of joining.
    private var cluster: ClusterID?
    private var random: SeededGenerator
    private var now: UInt64 = 0
    private var complainAt: UInt64?
    private var questions: UInt64 = 0
    /// Counts the rounds of questions to all seeds; 0 counts for nothing.
    private var round = 1
    /// Is the second round, that of confirming, under way?
    private var isConfirming = false

    /// - Parameters:
    ///   - nonce: Random per process start.
    ///   - seed: For the jitter of dialling only.
    package init(
        seeds: SeedList, ownAddress: PeerAddress, nonce: UInt64, settings: FoundingSettings = FoundingSettings(),
        seed: UInt64
    ) {
        self.seeds = seeds
        self.ownAddress = ownAddress
        self.nonce = nonce
        self.settings = settings
        self.asked = seeds.addresses.filter { $0 != ownAddress }.map { AskedSeed(address: $0) }
        self.random = SeededGenerator(seed: seed)
    }

    package mutating func step(_ input: FoundingInput, into effects: inout [FoundingEffect]) {
        switch self.state {
        case .founded, .stopped: return
        case .waiting, .joining: break
        }
        switch input {
        case .tick(let nowMilliseconds):
            self.now = max(self.now, nowMilliseconds)
            self.dialWhatIsDue(into: &effects)
            self.decide(into: &effects)
            self.complainIfDue(into: &effects)
        case .answered(let address, _, .member(let cluster)):
            self.note(.member, of: address)
            self.met(cluster, via: address, into: &effects)
        case .answered(let address, let question, .empty(let hash, let nonce)):
            guard let question, self.asked.contains(where: { $0.isWaiting(for: question) }) else { return }
            self.note(nonce == self.nonce ? .own : .empty(hash, nonce: nonce), of: address)
            self.decide(into: &effects)
        case .unreachable(let address):
            self.note(.silent, of: address)
        case .joinFailed:
            self.state = .waiting
        case .initialise(let confirmed):
            self.initialise(confirming: confirmed, into: &effects)
        }
    }

    /// The same for hosts and tests that do not keep a buffer.
    package mutating func step(_ input: FoundingInput) -> [FoundingEffect] {
        var effects: [FoundingEffect] = []
        self.step(input, into: &effects)
        return effects
    }

    /// What a node that is not a member waits for: for `/health` and for people.
    package var waitingReason: WaitingReason { self.reason() }
}

// MARK: - Asking

extension FoundingMachine {
    private mutating func dialWhatIsDue(into effects: inout [FoundingEffect]) {
        for index in self.asked.indices {
            if self.asked[index].isOverdue(at: self.now, after: self.settings.dialTimeoutMilliseconds) {
                self.note(.silent, of: self.asked[index].address)
            }
            guard self.asked[index].isDue(at: self.now) else { continue }
            self.questions += 1
            let question = FoundingQuestion(self.questions)
            self.asked[index].dial(question, at: self.now, round: self.round)
            effects.append(.dial(self.asked[index].address, question))
        }
    }

    private mutating func note(_ answer: AskedSeed.Answer, of address: PeerAddress) {
        guard let index = self.asked.firstIndex(where: { $0.address == address }) else { return }
        let pause: UInt64
        if answer == .silent {
            let silences = min(self.asked[index].silences + 1, 16)
            self.asked[index].silences = silences
            let longest = min(
                self.settings.backoffMilliseconds.lowerBound << (silences - 1),
                self.settings.backoffMilliseconds.upperBound)
            pause = UInt64.random(in: longest / 2...longest, using: &self.random)
        } else {
            self.asked[index].silences = 0
            pause = self.settings.refreshMilliseconds
        }
        self.asked[index].take(answer, at: self.now, askAgainAt: self.now + pause)
    }
}

// MARK: - Deciding

extension FoundingMachine {
    private mutating func met(_ cluster: ClusterID, via address: PeerAddress, into effects: inout [FoundingEffect]) {
        if let known = self.cluster, known != cluster {
            self.stop(.twoClusters(min(known, cluster), max(known, cluster)), into: &effects)
            return
        }
        self.cluster = cluster
        guard case .waiting = self.state else { return }
        self.state = .joining(cluster, via: address)
        effects.append(.join(cluster, via: address))
    }

    private mutating func decide(into effects: inout [FoundingEffect]) {
        guard self.state == .waiting, self.cluster == nil else { return }
        let others = self.others
        let window = self.settings.windowMilliseconds
        let hashes = others.compactMap { $0.emptyAnswer(at: self.now, within: window) }
        guard self.isFirstSeed, self.aliases.isEmpty, hashes.count == others.count else {
            self.isConfirming = false
            return
        }
        guard hashes.allSatisfy({ $0 == self.seeds.hash }) else {
            let differing = zip(others, hashes).filter { $0.1 != self.seeds.hash }.map(\.0.address)
            return self.stop(.differentSeedLists(differing), into: &effects)
        }
        guard !others.isEmpty else { return self.found(into: &effects) }
        guard self.isConfirming else { return self.askAgain() }
        let confirmations = others.map { $0.confirmation(in: self.round) }
        if confirmations.contains(.otherProcess) {
            self.askAgain()
        } else if confirmations.allSatisfy({ $0 == .sameProcess }) {
            self.found(into: &effects)
        }
    }

    /// Starts the second round: every other seed is dialled once more.
    private mutating func askAgain() {
        self.isConfirming = true
        self.round += 1
        for index in self.asked.indices { self.asked[index].beginConfirming(at: self.now) }
    }

    private mutating func initialise(confirming confirmed: SeedListHash, into effects: inout [FoundingEffect]) {
        if confirmed != self.seeds.hash {
            effects.append(.refused(.otherSeedList(self.seeds.hash)))
        } else if let cluster = self.cluster {
            effects.append(.refused(.clusterExists(cluster)))
        } else if !self.isFirstSeed {
            effects.append(.refused(.notFirstSeed(self.seeds.first)))
        } else {
            self.found(into: &effects)
        }
    }

    private mutating func found(into effects: inout [FoundingEffect]) {
        precondition(self.cluster == nil, "founding beside \(String(describing: self.cluster))")
        self.state = .founded
        effects.append(.found)
    }

    private mutating func stop(_ reason: StopReason, into effects: inout [FoundingEffect]) {
        self.state = .stopped(reason)
        effects.append(.stop(reason))
    }
}

// MARK: - Who is who

extension FoundingMachine {
    private var isFirstSeed: Bool {
        self.seeds.first == self.ownAddress || self.ownNames.contains(self.seeds.first)
    }

    /// The dialled seeds that turned out to be this node.
    private var ownNames: [PeerAddress] {
        self.asked.filter { $0.isOwn(at: self.now, within: self.settings.windowMilliseconds) }.map(\.address)
    }

    /// Seeds that turned out to be this node although another entry already is. Names may resolve wrongly for
    /// a while, so a founder with an alias waits: the seed that was meant has not answered.
    private var aliases: [PeerAddress] {
        self.seeds.addresses.contains(self.ownAddress) ? self.ownNames : Array(self.ownNames.dropFirst())
    }

    /// The seeds that are not this node.
    private var others: [AskedSeed] {
        self.asked.filter { !$0.isOwn(at: self.now, within: self.settings.windowMilliseconds) }
    }
}

// MARK: - Complaining

extension FoundingMachine {
    private mutating func complainIfDue(into effects: inout [FoundingEffect]) {
        guard self.state == .waiting else { return self.complainAt = nil }
        let due = self.complainAt ?? self.now + self.settings.complainMilliseconds
        guard self.now >= due else { return self.complainAt = due }
        self.complainAt = self.now + self.settings.complainMilliseconds
        effects.append(.waiting(self.reason()))
    }

    private func reason() -> WaitingReason {
        let window = self.settings.windowMilliseconds
        let others = self.others.map { (address: $0.address, hash: $0.emptyAnswer(at: self.now, within: window)) }
        return WaitingReason(
            mayFound: self.isFirstSeed,
            silent: others.filter { $0.hash == nil }.map(\.address),
            differing: others.filter { $0.hash != nil && $0.hash != self.seeds.hash }.map(\.address),
            aliases: self.aliases,
            cluster: self.cluster)
    }
}
