import Crypto

/// Tokens that were proven lately, by their hash: an ES256 proof costs about 90 µs, a look here about one.
///
/// Bounded by two generations: what was not asked for during the last `generationCountMax` new tokens is
/// forgotten. Holds no token text.
struct VerifiedTokens: Sendable {
    typealias Key = SHA256Digest

    private var young: [Key: Authenticated] = [:]
    private var old: [Key: Authenticated] = [:]
    let generationCountMax: Int

    init(generationCountMax: Int) {
        precondition(generationCountMax > 0, "a generation of \(generationCountMax)")
        self.generationCountMax = generationCountMax
    }

    var count: Int { self.young.count + self.old.count }

    static func key(_ token: String) -> Key {
        var hash = SHA256()
        var token = token
        token.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize()
    }

    mutating func find(_ key: Key) -> Authenticated? {
        if let found = self.young[key] { return found }
        guard let found = self.old.removeValue(forKey: key) else { return nil }
        self.insert(found, for: key)
        return found
    }

    mutating func insert(_ authenticated: Authenticated, for key: Key) {
        if self.young.count >= self.generationCountMax {
            self.old = self.young
            self.young = [:]
        }
        self.young[key] = authenticated
    }

    mutating func removeAll() {
        self.young = [:]
        self.old = [:]
    }
}
