import ClusterModel
import Testing

@testable import Placement

@Suite struct ShardMapTests {
    @Test(arguments: [
        ("", 0xF52A_15E9_A9B5_E89B as UInt64), ("a", 0x02C0_BDBF_4814_20F8), ("general", 0xA8CD_6FBA_D437_F159),
        ("u_01JARVIS", 0xF9C4_5C8C_EDEA_3FDC),
    ])
    func `the hash of a key is fixed for ever`(key: String, hash: UInt64) {
        #expect(StableHash.of(key.utf8) == hash)
    }

    @Test func `the shard of a key is fixed for ever`() {
        let map = ShardMap(shardCount: 128)
        let shards = ["general", "random", "ada", "grace", "c_0001", ""].map { map.shard(ofKey: $0).rawValue }
        #expect(shards == [85, 65, 63, 61, 64, 123])
        #expect(map.shard(ofKey: 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210) == ShardID(125))
    }

    @Test func `text and its bytes are the same key`() {
        let map = ShardMap()
        for key in ["general", "überraschung", "日本"] {
            #expect(map.shard(ofKey: key) == map.shard(ofKey: Array(key.utf8)))
        }
    }

    @Test(arguments: [16, 17, 128, 1024])
    func `keys fall evenly on shards 1 to the last and never on the directory`(shardCount: Int) {
        let map = ShardMap(shardCount: shardCount)
        var counts: [ShardID: Int] = [:]
        let keysEach = 500
        for number in 0..<shardCount * keysEach {
            counts[map.shard(ofKey: "channel-\(number)"), default: 0] += 1
        }
        #expect(counts.count == shardCount)
        #expect(counts.keys.allSatisfy { (1...shardCount).contains(Int($0.rawValue)) })
        // Five standard deviations of a fair throw.
        #expect(counts.values.allSatisfy { abs($0 - keysEach) < 5 * 23 })
    }

    @Test func `binary keys that differ in one bit fall on shards evenly`() {
        let map = ShardMap(shardCount: 16)
        var counts: [ShardID: Int] = [:]
        for number in 0..<8000 { counts[map.shard(ofKey: 7, UInt64(number)), default: 0] += 1 }
        #expect(counts.values.allSatisfy { (380...620).contains($0) })
    }

    @Test func `the directory is one of the shards and holds no key`() {
        let map = ShardMap(shardCount: 16)
        #expect(map.shards.count == 16)
        #expect(map.shardsAndDirectory.first == .directory)
        #expect(map.contains(.directory) && map.contains(ShardID(16)) && !map.contains(ShardID(17)))
    }
}
