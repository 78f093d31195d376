// What the founding machine knows of one seed.

import ClusterModel

/// One seed that is dialled again and again, and its last answer.
struct AskedSeed: Sendable {
    enum Answer: Sendable, Equatable {
        /// None yet, or none in time.
        case silent
        case member
        case empty(SeedListHash, nonce: UInt64)
        /// This process itself, under another name.
        case own
    }

    let address: PeerAddress
    /// The question that is under way, and when it was asked.
    private var question: FoundingQuestion?
    private var dialledAt: UInt64 = 0
    /// Unanswered questions in a row: the exponent of the back-off.
    var silences = 0
    private var answer: Answer = .silent
    private var answeredAt: UInt64 = 0
    private var askAgainAt: UInt64 = 0
    /// The rounds in which the question under way, and the one whose answer is held, were asked.
    private var askedInRound = 0
    private var answeredInRound = 0
    /// The nonce that the second round must repeat.
    private var firstNonce: UInt64?

    init(address: PeerAddress) { self.address = address }

    func isDue(at now: UInt64) -> Bool { self.question == nil && now >= self.askAgainAt }

    func isOverdue(at now: UInt64, after timeout: UInt64) -> Bool {
        self.question != nil && now - self.dialledAt >= timeout
    }

    func isWaiting(for question: FoundingQuestion) -> Bool { self.question == question }

    mutating func dial(_ question: FoundingQuestion, at now: UInt64, round: Int) {
        self.question = question
        self.dialledAt = now
        self.askedInRound = round
    }

    /// The newest answer wins, silence included: a seed that was empty and is gone has not answered.
    mutating func take(_ answer: Answer, at now: UInt64, askAgainAt: UInt64) {
        self.answeredInRound = self.askedInRound
        self.question = nil
        self.answer = answer
        self.answeredAt = now
        self.askAgainAt = askAgainAt
    }

    /// The hash of an empty seed's list, while its answer counts.
    func emptyAnswer(at now: UInt64, within window: UInt64) -> SeedListHash? {
        guard case .empty(let hash, _) = self.answer, now - self.answeredAt <= window else { return nil }
        return hash
    }

    func isOwn(at now: UInt64, within window: UInt64) -> Bool {
        self.answer == .own && now - self.answeredAt <= window
    }

    /// Asks once more, as soon as the question under way is answered: that one was asked too early to count.
    mutating func beginConfirming(at now: UInt64) {
        if case .empty(_, let nonce) = self.answer { self.firstNonce = nonce }
        self.askAgainAt = now
    }

    enum Confirmation { case outstanding, sameProcess, otherProcess }

    /// Has the process of the first round answered "empty" again?
    func confirmation(in round: Int) -> Confirmation {
        guard self.answeredInRound == round, case .empty(_, let nonce) = self.answer else { return .outstanding }
        return nonce == self.firstNonce ? .sameProcess : .otherProcess
    }
}
