import Foundation
import Testing

@testable import PeerTransport

@Suite struct ClusterKeyTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("roost-key-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        try body(folder.path + "/key")
    }

    @Test func `a key survives its text form`() {
        let key = ClusterKey.generate()
        #expect(key.text.hasPrefix("roost-key-v1:"))
        #expect(key.text.utf8.count == 13 + 43)
        #expect(ClusterKey(text: key.text) == key)
        #expect(ClusterKey(text: "  \(key.text)\r\n") == key)
        #expect(ClusterKey.generate() != key)
    }

    @Test func `what is no key is refused`() {
        let digits = String(ClusterKey.generate().text.dropFirst(13))
        for text in [
            "", "roost-key-v1:", digits, "roost-key-v2:" + digits, "roost-key-v1:" + digits + "A",
            "roost-key-v1:" + digits.dropLast(), "roost-key-v1:" + digits.dropLast() + "=",
            "roost-key-v1: " + digits,
        ] {
            #expect(ClusterKey(text: text) == nil, "\(text)")
        }
    }

    @Test func `the last digit has one spelling`() {
        let text = ClusterKey(bytes: [UInt8](repeating: 0, count: 32)).text
        #expect(text.hasSuffix("A"))
        #expect(ClusterKey(text: text.dropLast() + "B") == nil)
    }

    @Test func `base64url agrees with the vectors of the standard`() {
        let vectors = [
            "": "", "f": "Zg", "fo": "Zm8", "foo": "Zm9v", "foob": "Zm9vYg", "fooba": "Zm9vYmE", "foobar": "Zm9vYmFy",
        ]
        for (plain, text) in vectors {
            #expect(Base64URL.encode(Array(plain.utf8)) == text)
            #expect(Base64URL.decode(text.utf8) == Array(plain.utf8))
        }
        #expect(Base64URL.decode("A".utf8) == nil)
    }

    @Test func `a key never shows itself`() {
        let key = ClusterKey.generate()
        let digits = key.text.dropFirst(13)
        #expect(key.fingerprint.utf8.count == 16)
        for shown in ["\(key)", String(reflecting: key), "\(Mirror(reflecting: key).children.map(\.value))"] {
            #expect(!shown.contains(digits))
            #expect(!shown.contains("\(key.bytes)"))
        }
    }

    @Test func `a saved key is the owner's alone and is never overwritten`() throws {
        try self.withFolder { path in
            let key = ClusterKey.generate()
            try key.save(path)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try ClusterKey.load(path) == key)
            #expect(throws: ClusterKeyError.exists(path: path)) { try ClusterKey.generate().save(path) }
            #expect(try ClusterKey.load(path) == key)
            let folder = (path as NSString).deletingLastPathComponent
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["key"])
        }
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o601]) func `a key that others can reach is refused`(mode: Int) throws {
        try self.withFolder { path in
            try ClusterKey.generate().save(path)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            #expect(throws: ClusterKeyError.exposed(path: path, mode: UInt32(mode))) { try ClusterKey.load(path) }
        }
    }

    @Test func `a missing key and a wrong file have names of their own`() throws {
        try self.withFolder { path in
            #expect(throws: ClusterKeyError.missing(path: path)) { try ClusterKey.load(path) }
            let mode = [FileAttributeKey.posixPermissions: 0o600]
            for content in [Data("hello".utf8), Data(repeating: 65, count: 5_000), Data([0xFF, 0xFE]), Data()] {
                #expect(FileManager.default.createFile(atPath: path, contents: content, attributes: mode))
                #expect(throws: ClusterKeyError.malformed(path: path)) { try ClusterKey.load(path) }
            }
        }
    }

    @Test func `every node derives the same authority from one key and another from another`() throws {
        let key = ClusterKey.generate()
        let first = try ClusterAuthority(key)
        let second = try ClusterAuthority(key)
        #expect(first.fingerprint == second.fingerprint)
        #expect(try ClusterAuthority(.generate()).fingerprint != first.fingerprint)
    }

    @Test func `the derivation is pinned`() throws {
        // Computed by another program from RFC 5869 and the curve alone. A change locks every running cluster out of its own key: it needs a new prefix of the text form.
        let key = ClusterKey(bytes: Array(0..<32))
        #expect(key.text == "roost-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        #expect(key.fingerprint == "9497db098098276c")
        #expect(
            try ClusterAuthority(key).fingerprint == "441f9dd5cd91db33f1101f2b41ccfaa15fea8ce4c4cfc1e2544cc65f867186c9")
    }
}
