import NIOPosix
import Synchronization

/// Why a password was neither hashed nor checked.
package enum PasswordError: Error, Sendable, Hashable {
    /// Too many wait already: 503, nothing was done.
    case overloaded
    /// Longer than a password may be; said before any hashing.
    case tooLong
    /// The library refused; nothing was done.
    case failed
}

/// Hashes and checks passwords on threads of its own, one fewer than there are cores, so that a rush of
/// sign-ins leaves the event loops and the cooperative pool alone.
package final class PasswordHasher: Sendable {
    /// At 150 ms each, the last in the queue waits as long as a client is patient.
    package static let waitingMaxDefault = 128
    static let passwordBytesMax = 1_024

    private let pool: NIOThreadPool
    private let cost: ScryptCost
    private let waitingMax: Int
    private let waiting = Atomic<Int>(0)
    /// What the password of nobody is checked against, at the same cost.
    private let nobody: PasswordText?

    package init(
        threadCount: Int, cost: ScryptCost = .standard, waitingMax: Int = PasswordHasher.waitingMaxDefault
    ) {
        self.pool = NIOThreadPool(numberOfThreads: max(threadCount, 1))
        self.cost = cost
        self.waitingMax = waitingMax
        let zeros = Base64.encode([UInt8](repeating: 0, count: PasswordText.hashBytes), .standard)
        let salt = Base64.encode([UInt8](repeating: 0, count: PasswordText.saltBytes), .standard)
        self.nobody = PasswordText(
            "$scrypt$ln=\(cost.logRounds),r=\(cost.blockSize),p=\(cost.parallelism)$\(salt)$\(zeros)")
        self.pool.start()
    }

    /// Ends the threads; what waits fails with `overloaded`.
    package func shutDown() async {
        // The only error of the pool is that it has been shut down before, which is what is wanted.
        try? await self.pool.shutdownGracefully()
    }

    package func hash(_ password: String) async throws(PasswordError) -> String {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<PasswordText.saltBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let bytes = try Self.bytes(of: password)
        let cost = self.cost
        let hashed = try await self.run { PasswordText(hashing: bytes, cost: cost, salt: salt)?.text }
        guard let hashed else { throw .failed }
        return hashed
    }

    /// Whether `password` is that of `text`. With nil, for a user that does not exist, it takes as long and
    /// says no.
    package func verify(_ password: String, against text: String?) async throws(PasswordError) -> Bool {
        let bytes = try Self.bytes(of: password)
        let kept = text.flatMap { PasswordText($0) }
        guard let hash = kept ?? self.nobody else { throw .failed }
        let matches = try await self.run { hash.matches(bytes) }
        return matches && kept != nil
    }

    /// The password with a last byte of 1. scrypt takes the password as an HMAC key, and those are filled up with
    /// zeros: without the 1, a password and the same one with NULs behind it would open the same account.
    private static func bytes(of password: String) throws(PasswordError) -> [UInt8] {
        guard password.utf8.count <= Self.passwordBytesMax else { throw .tooLong }
        return Array(password.utf8) + [1]
    }

    private func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws(PasswordError) -> Value {
        let before = self.waiting.wrappingAdd(1, ordering: .relaxed).oldValue
        defer { self.waiting.wrappingSubtract(1, ordering: .relaxed) }
        guard before < self.waitingMax else { throw .overloaded }
        do {
            return try await self.pool.runIfActive { work() }
        } catch {
            throw .overloaded  // The pool is going down, or who waited has gone.
        }
    }
}
