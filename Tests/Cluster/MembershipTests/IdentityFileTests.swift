import ClusterModel
import Foundation
import Testing

@testable import Membership

@Suite struct `The identity file` {
    private let folder = NSTemporaryDirectory() + "roost-identity-\(UInt64.random(in: .min ... .max))"
    private let identity = NodeIdentity(
        cluster: ClusterID(high: 1, low: 2), node: NodeID(high: 3, low: 4), boot: BootCounter(5), shardCount: 128,
        isFounding: true)

    init() throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    }

    @Test func `an empty directory has none`() throws {
        #expect(try IdentityFile(dataDirectory: self.folder).load() == nil)
    }

    @Test func `what was saved comes back, with the mode of a secret`() throws {
        let file = IdentityFile(dataDirectory: self.folder)
        try file.save(self.identity)
        #expect(try file.load() == self.identity)
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `a later save replaces the file whole and leaves nothing beside it`() throws {
        let file = IdentityFile(dataDirectory: self.folder)
        try file.save(self.identity)
        var next = self.identity
        next.boot = next.boot.next()
        next.isFounding = false
        try file.save(next)
        #expect(try file.load() == next)
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder) == ["identity"])
    }

    @Test func `every flipped bit and every cut is refused by name`() throws {
        let file = IdentityFile(dataDirectory: self.folder)
        try file.save(self.identity)
        let good = try Data(contentsOf: URL(fileURLWithPath: file.path))
        for place in good.indices {
            var bad = good
            bad[place] ^= 0x10
            try bad.write(to: URL(fileURLWithPath: file.path))
            #expect(throws: IdentityError.self, "byte \(place)") { try file.load() }
            try good.prefix(place).write(to: URL(fileURLWithPath: file.path))
            #expect(throws: IdentityError.self, "cut at \(place)") { try file.load() }
        }
    }
}
