import ClusterModel
import Testing

@testable import Gateway

@Suite struct RestLimiterTests {
    private let address = ConnectionLedger.Key(nil)

    @Test func `a bucket gives its capacity at once and then its rate`() {
        let policy = RatePolicy(name: "p", capacity: 10, windowMilliseconds: 1_000)
        var bucket = TokenBucket(policy, at: .zero)
        for _ in 0..<10 { #expect(bucket.take(policy, at: .zero).isAllowed) }
        let refused = bucket.take(policy, at: .zero)
        #expect(!refused.isAllowed)
        #expect(refused.retryAfterSeconds == 1)
        #expect(!bucket.take(policy, at: Timestamp(milliseconds: 99)).isAllowed)
        #expect(bucket.take(policy, at: Timestamp(milliseconds: 100)).isAllowed)
        #expect(!bucket.take(policy, at: Timestamp(milliseconds: 50)).isAllowed)
        #expect(bucket.take(policy, at: Timestamp(milliseconds: 1_000_000)).remaining == 9)
    }

    @Test func `a right password forgets the wrong ones before it`() {
        var ledger = SignInLedger()
        for _ in 0..<4 { self.attempt(&ledger, isRight: false) }
        self.attempt(&ledger, isRight: true)
        for _ in 0..<5 { self.attempt(&ledger, isRight: false) }
        #expect(ledger.begin(account: "ada", address: self.address, at: .zero) != .proceed)
        #expect(ledger.begin(account: "bob", address: self.address, at: .zero) == .proceed)
    }

    @Test func `the wrong password that locks an account says so, once`() {
        var ledger = SignInLedger()
        var said: [Bool] = []
        // Eight are under way when the first of them is found wrong.
        for _ in 0..<8 { #expect(ledger.begin(account: "ada", address: self.address, at: .zero) == .proceed) }
        for _ in 0..<8 { said.append(ledger.end(account: "ada", address: self.address, isRight: false, at: .zero)) }
        #expect(said == [false, false, false, false, true, false, false, false])
    }

    @Test func `an address is bounded over all accounts`() {
        var ledger = SignInLedger()
        for number in 0..<SignInLedger.wrongPerAddressMax {
            _ = ledger.begin(account: "a\(number)", address: self.address, at: .zero)
            ledger.end(account: "a\(number)", address: self.address, isRight: false, at: .zero)
        }
        #expect(ledger.begin(account: "new", address: self.address, at: .zero) != .proceed)
    }

    @Test func `the ledger stays within its bound`() {
        var ledger = SignInLedger(entriesMax: 100)
        for number in 0..<1_000 {
            let now = Timestamp(milliseconds: Int64(number))
            _ = ledger.begin(account: "a\(number)", address: self.address, at: now)
            ledger.end(account: "a\(number)", address: self.address, isRight: false, at: now)
            #expect(ledger.count <= 101)
        }
    }

    private func attempt(_ ledger: inout SignInLedger, isRight: Bool) {
        #expect(ledger.begin(account: "ada", address: self.address, at: .zero) == .proceed)
        ledger.end(account: "ada", address: self.address, isRight: isRight, at: .zero)
    }
}
