import Testing

@testable import Identity

@Suite struct PasswordTests {
    private static let cheap = ScryptCost(logRounds: 1, blockSize: 1, parallelism: 1)

    /// RFC 7914, section 12, the third vector: N = 16384, r = 8, p = 1, the first 32 bytes.
    @Test func `scrypt is that of RFC 7914`() throws {
        let cost = ScryptCost(logRounds: 14, blockSize: 8, parallelism: 1)
        let hash = try #require(
            PasswordText(hashing: Array("pleaseletmein".utf8), cost: cost, salt: Array("SodiumChloride".utf8)))
        #expect(hash.hash.prefix(8) == [0x70, 0x23, 0xBD, 0xCB, 0x3A, 0xFD, 0x73, 0x48])
    }

    @Test func `a hash is verified by itself and by nothing else`() async throws {
        let hasher = PasswordHasher(threadCount: 1, cost: Self.cheap)
        let text = try await hasher.hash("correct horse")
        #expect(text.hasPrefix("$scrypt$ln=1,r=1,p=1$"))
        #expect(try await hasher.hash("correct horse") != text)
        #expect(try await hasher.verify("correct horse", against: text))
        for wrong in ["", "correct hors", "correct horse ", "correct horse\0", "Correct horse"] {
            #expect(try await !hasher.verify(wrong, against: text))
        }
        #expect(try await !hasher.verify("correct horse", against: nil))
        #expect(try await !hasher.verify("correct horse", against: "nonsense"))
        await hasher.shutDown()
    }

    @Test(arguments: [
        "", "$scrypt$", "$argon2id$ln=1,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=1,r=1,p=1$AA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=1,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
        "$scrypt$r=1,ln=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    ])
    func `a text of another form or of a mad cost is none`(text: String) {
        #expect(PasswordText(text) == nil)
    }

    @Test func `a long password is refused before any work`() async {
        let hasher = PasswordHasher(threadCount: 1, cost: Self.cheap)
        await #expect(throws: PasswordError.tooLong) {
            try await hasher.hash(String(repeating: "x", count: 1_025))
        }
        await hasher.shutDown()
    }

    @Test func `who comes to a full queue is told so at once`() async throws {
        let hasher = PasswordHasher(
            threadCount: 1, cost: ScryptCost(logRounds: 12, blockSize: 8, parallelism: 1), waitingMax: 2)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { (try? await hasher.hash("12345678")) != nil } }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.contains(true))
        #expect(outcomes.contains(false))
        await hasher.shutDown()
    }
}
