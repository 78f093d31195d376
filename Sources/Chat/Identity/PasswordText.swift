import Crypto
import CryptoExtras

/// What scrypt costs (RFC 7914): 2^`logRounds` × `blockSize` × 128 bytes of memory, `parallelism` times.
package struct ScryptCost: Sendable, Hashable {
    package let logRounds: Int
    package let blockSize: Int
    package let parallelism: Int

    package init(logRounds: Int, blockSize: Int, parallelism: Int) {
        self.logRounds = logRounds
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// 16 MiB and about 150 ms.
    package static let standard = ScryptCost(logRounds: 14, blockSize: 8, parallelism: 5)

    /// No text, wherever it came from, can make a verification cost more than this.
    var isAcceptable: Bool {
        (1...17).contains(self.logRounds) && (1...16).contains(self.blockSize) && (1...16).contains(self.parallelism)
    }
}

/// A hashed password as it is kept: `$scrypt$ln=14,r=8,p=5$<salt>$<hash>`, both base 64 without padding.
struct PasswordText: Sendable, Hashable {
    static let hashBytes = 32
    static let saltBytes = 16

    let cost: ScryptCost
    let salt: [UInt8]
    let hash: [UInt8]

    /// Hashes `password`. Takes as long as `cost` says: never on an event loop.
    ///
    /// - Returns: nil when the library refuses the cost.
    init?(hashing password: [UInt8], cost: ScryptCost, salt: [UInt8]) {
        guard let hash = Self.derive(password, cost: cost, salt: salt, count: Self.hashBytes) else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard text.utf8.count <= 256, parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let cost = Self.cost(parts[2]), cost.isAcceptable,
            let salt = Base64.decode(parts[3].utf8, .standard), (8...64).contains(salt.count),
            let hash = Base64.decode(parts[4].utf8, .standard), (16...64).contains(hash.count)
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    var text: String {
        let cost = "ln=\(self.cost.logRounds),r=\(self.cost.blockSize),p=\(self.cost.parallelism)"
        return "$scrypt$\(cost)$\(Base64.encode(self.salt, .standard))$\(Base64.encode(self.hash, .standard))"
    }

    /// Takes as long as hashing.
    func matches(_ password: [UInt8]) -> Bool {
        guard
            let hash = Self.derive(password, cost: self.cost, salt: self.salt, count: self.hash.count)
        else { return false }
        return ConstantTime.equal(hash, self.hash)
    }

    private static func cost(_ text: Substring) -> ScryptCost? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].hasPrefix("ln="), parts[1].hasPrefix("r="), parts[2].hasPrefix("p="),
            let logRounds = Int(parts[0].dropFirst(3)), let blockSize = Int(parts[1].dropFirst(2)),
            let parallelism = Int(parts[2].dropFirst(2))
        else { return nil }
        return ScryptCost(logRounds: logRounds, blockSize: blockSize, parallelism: parallelism)
    }

    private static func derive(_ password: [UInt8], cost: ScryptCost, salt: [UInt8], count: Int) -> [UInt8]? {
        let key = try? KDF.Scrypt.deriveKey(
            from: password, salt: salt, outputByteCount: count, rounds: 1 << cost.logRounds,
            blockSize: cost.blockSize, parallelism: cost.parallelism)
        return key?.withUnsafeBytes { Array($0) }
    }
}
