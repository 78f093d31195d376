/// SHA-256 (FIPS 180-4), for what apply has to compute: the same on every machine, and without a library that could
/// change. For secrets and large inputs there is swift-crypto; this one takes no care of timing.
package struct DigestHash: Sendable {
    private var state: [UInt32] = [
        0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    /// What does not fill a block yet: less than 64 bytes.
    private var pending: [UInt8] = []
    private var byteCount: UInt64 = 0

    package init() {}

    package static func digest(of bytes: [UInt8]) -> Digest {
        var hash = DigestHash()
        hash.update(bytes)
        return hash.finish()
    }

    package mutating func update(_ bytes: [UInt8]) {
        self.byteCount &+= UInt64(bytes.count)
        self.pending.append(contentsOf: bytes)
        var start = 0
        while self.pending.count - start >= 64 {
            self.compress(at: start)
            start += 64
        }
        self.pending.removeFirst(start)
    }

    /// Ends the message. What is added afterwards belongs to no message.
    package mutating func finish() -> Digest {
        let bitCount = self.byteCount &* 8
        var padding: [UInt8] = [0x80]
        // Zeros until eight bytes are left in the last block, which hold the length.
        let zeros = (119 - self.pending.count % 64) % 64
        padding.append(contentsOf: repeatElement(0, count: zeros))
        withUnsafeBytes(of: bitCount.bigEndian) { padding.append(contentsOf: $0) }
        self.update(padding)
        func word(_ place: Int) -> UInt64 { UInt64(self.state[place]) << 32 | UInt64(self.state[place + 1]) }
        return Digest(words: (word(0), word(2), word(4), word(6)))
    }

    /// One block of `pending`, which begins at `start`.
    private mutating func compress(at start: Int) {
        var words = [UInt32](repeating: 0, count: 64)
        for place in 0..<16 {
            let offset = start + 4 * place
            words[place] = self.pending[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
        for place in 16..<64 {
            let (near, far) = (words[place - 15], words[place - 2])
            let first = Self.rotated(near, 7) ^ Self.rotated(near, 18) ^ near >> 3
            let second = Self.rotated(far, 17) ^ Self.rotated(far, 19) ^ far >> 10
            words[place] = words[place - 16] &+ first &+ words[place - 7] &+ second
        }
        var (a, b, c, d) = (self.state[0], self.state[1], self.state[2], self.state[3])
        var (e, f, g, h) = (self.state[4], self.state[5], self.state[6], self.state[7])
        for place in 0..<64 {
            let turnedE = Self.rotated(e, 6) ^ Self.rotated(e, 11) ^ Self.rotated(e, 25)
            let choice = (e & f) ^ (~e & g)
            let first = h &+ turnedE &+ choice &+ Self.constants[place] &+ words[place]
            let turnedA = Self.rotated(a, 2) ^ Self.rotated(a, 13) ^ Self.rotated(a, 22)
            let second = turnedA &+ ((a & b) ^ (a & c) ^ (b & c))
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (place, word) in [a, b, c, d, e, f, g, h].enumerated() { self.state[place] &+= word }
    }

    private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }

    /// The fractions of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = [
        0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5,
        0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174,
        0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA,
        0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7, 0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967,
        0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85,
        0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070,
        0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
        0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2,
    ]
}
