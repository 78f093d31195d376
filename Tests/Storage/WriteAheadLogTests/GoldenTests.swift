import ClusterModel
import Testing

@testable import WriteAheadLog

/// Bytes of logs, as runs of 64-bit words in hexadecimal: what a version wrote is what every later one must read.
@Suite struct GoldenTests {
    /// Written by format version 1, with a random identity: general has entries 1 to 5 (2 is a configuration), of which
    /// 1 and 2 are released; random has a vote in term 6, a snapshot at 1000 and entry 1001.
    private static let versionOne = [
        """
        314c57528a58218e d1b9f9bf5b63a874 1 100000000 0 af60e82993a67f0b af60e82893a67f23 af60e83893a67f25
        af60e82893a67f23*2 af60e82893a67f22 af60e82893a67f2b af60e82893a67f23*500 314c5752f28a21ba
        d1b9f9bf5b63a874 100000001*2 1 9d7230c6179a9d3c 9d7230c3cf8be0c4 9d7230ca17999dbd 9d7230c2179a9dbe
        9d7230c2179a9dbd 9d7230c2179a9dbe 9d7230d317999cbe 9d7230c2179a9dbe*2 f21d57e22dfbf9fe
        f31b5eb078f7bddb 9d723ac214939cd8 9d7230c2179a9fbf*2 ef3510ee76fedcbf 9d7237c215fffede
        9d7230c2179a9dbf 9d7230c2129a9dbf 9d7230c2179a9dbf*489 314c5752356bab31 d1b9f9bf5b63a874 200000001
        300000002 2 e55a07fa1784d123 e55a07f94c4220f7 e55a14701787f762 e55a07f81784f660 e55a07f81784f661
        e25d00ff1083f164*502 314c57523da3cc03 d1b9f9bf5b63a874 300000001 300000002 2 58d1e0fcff29ae32*123
        5fd6f473f82da834 5fd6e7fbf82ea931 5fd6e7fbf82ea937 56dfeef2f127a03c*381 314c575272ccaa91
        d1b9f9bf5b63a874 400000001 300000002 2 119386200a669bca*244 189a8f29036f92c3*263 314c575201fd35f6
        d1b9f9bf5b63a874 500000001 100000005 5 afa57b89b45f8bf afa57ba9adca735 afa57b89b45f8bf*505
        314c57521373cf8c d1b9f9bf5b63a874 600000001 100000006 6 88dfc595c24fb8bc 88dfc5970da00881
        88dfc59ec248b8df 88dfc596c24fb8dd 88dfc596c24fb8db 88dfc596c24fb8de 88dfc596c248b8de
        88dfc596c24fbb35 88dfc596c24fb8d8 88dfc587c248b9dc 88dfc596c24fbb34 88dfc596c24fb8db
        e7b0a2b6f82edc9c e6b6abe4ad2298b9 88dfc596c24fb8ba 88dfc596c24fb8dd*492 314c5752b0e9cfaf
        d1b9f9bf5b63a874 700000001 100000007 7 da91cfe04298803e da91cfe089b73788 da91cfe1429b8022
        da91cfe142988025 da91cfe142988026*503
        """,
        """
        314c57526c9b1ff7 d1b9f9bf5b63a874 2 100000000 0 e403835e23710d23 e403835b5d8b468f e403834b23710d8d
        e403835b23710d83 e403835b23710d8b e403835b23710d8a e403835b23710d83 e403835323720d89
        e403835b23710d8a e403835b23710d89 e403835b23710d8a e403835323720d8e e403835b23710d8f
        e403835b23710d89 e403835b23710d88 e403835323760d89 e403835b23710d8b e403835b23710d8d
        e403835b23710d88 e403835323760d8e e403835b23710e62 e403835b23710d8d e403835b23710e62
        e403835b23710d8b*484 314c5752c6272eb6 d1b9f9bf5b63a874 100000002 100000001 1 e56521bf2f55946a
        e56521bf89153673 e56521af2f569542 e56521be2f559446 e56521be2f559441 8a0a469e1534f002
        8b0c4fcc4038b427 e56521be2f559424 e56521be2f559443*499 0*3072
        """,
    ]

    private static func bytes(_ words: String) -> [UInt8] {
        words.split { $0 == " " || $0 == "\n" }.flatMap { run -> [UInt8] in
            let parts = run.split(separator: "*")
            let word = UInt64(parts[0], radix: 16) ?? 0
            let count = parts.count > 1 ? Int(parts[1]) ?? 0 : 1
            let bytes = withUnsafeBytes(of: word.littleEndian, Array.init)
            return (0..<count).flatMap { _ in bytes }
        }
    }

    private static func words(_ bytes: [UInt8]) -> String {
        var runs: [(word: UInt64, count: Int)] = []
        bytes.withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: bytes.count, by: 8) {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                if runs.last?.word == word { runs[runs.count - 1].count += 1 } else { runs.append((word, 1)) }
            }
        }
        return runs.map { String($0.word, radix: 16) + ($0.count > 1 ? "*\($0.count)" : "") }.joined(separator: " ")
    }

    private static var settings: WALSettings {
        var settings = SteppedLog.settings
        settings.segmentBytes = 8 * 4_096
        settings.batchBytes = 4 * 4_096
        settings.shardCountMax = 16
        return settings
    }

    @Test func `a log of version 1 is read, and goes on in a segment of version 2`() throws {
        let disk = SimulatedDisk()
        for (place, words) in Self.versionOne.enumerated() {
            let number = SegmentNumber(UInt32(place + 1))
            let bytes = Self.bytes(words)
            try disk.createSegment(number, blockCount: bytes.count / 4_096)
            disk.change(number) { $0 = bytes }
        }
        let before = disk.numbers.count
        for round in 0..<3 {
            var log = try SteppedLog(disk, settings: Self.settings)
            let one = try #require(log.recovery.shards[general])
            #expect(one.condition == .sound && one.hardState == vote(2, for: 1, commit: 1))
            #expect(one.firstIndex == LogIndex(3) && one.lastIndex == LogIndex(5 + UInt64(round)))
            let other = try #require(log.recovery.shards[random])
            #expect(other.hardState == vote(6, for: 3) && other.firstIndex == LogIndex(1_001))
            #expect(try log.read(random, 1_001...1_001) == [entry(1_001, term: 6)])
            #expect(try log.read(general, 3...3)[0].payload == .init(repeating: 7, count: 5_000))
            #expect(try log.read(general, 5...5) == [entry(5, term: 2)])
            #expect(disk.numbers.count == before + 1, "nothing is added to a segment of version 1")
            try log.commit([append(general, nil, [entry(6 + UInt64(round), term: 3)])])
        }
    }

    @Test func `version 2 writes what it has always written`() throws {
        let disk = SimulatedDisk()
        let driver = SimulatedDriver(disk: disk, batchBytes: Self.settings.batchBytes)
        let engine = try LogOpening.openInline(
            disk: disk, driver: driver, settings: Self.settings, newIdentity: 0x0123_4567_89AB_CDEF
        ).engine
        var first = append(general, vote(2, for: 1, commit: 1), [entry(1), entry(2, kind: 9, "Ada, Grace")])
        first.ticket = 1
        var install = append(random, nil, [entry(1_001, term: 6)])
        install.restart = WALLogStart(index: LogIndex(1_000), term: Term(5), note: [1, 2, 3])
        var removal = append(ShardID(9))
        removal.removal = [9]
        for work: [LogWork] in [
            [.append(first)], [.append(install), .append(removal)],
            [.release(general, below: LogIndex(2), note: [4]), .repaired(random)],
        ] {
            engine.accept(work)
            engine.fill()
            _ = try engine.commit()
        }
        try engine.mark()
        try engine.roll()
        let written = disk.numbers.map { Self.words(disk.content($0)) }
        #expect(written == Self.versionTwo.map { Self.words(Self.bytes($0)) })
    }

    private static let versionTwo = [
        """
        314c575276563aad 123456789abcdef 1 100000000 2000000000000000 4061d377bff2caeb 4061d376bff2cadb
        4061d36ebff2cadd 4061d376bff2cadb*2 4061d376bff2cad9 4061d376bff2cad3 4061d376bff2cadb*500
        314c5752b5831e7c 123456789abcdef 100000001*2 2020000800000001 a6fb94d6ae1fc398 26fb94d42b229229
        a6fb94ddae1cc3f1 a6fb94d5ae1fc3f2 a6fb94d5ae1fc3f1 a6fb94d5ae1fc3f2 a6fb94c4ae1cc2f2
        a6fb94d5ae1fc3f2*2 c994f3f5947ea7b2 c892faa7c172e397 a6fb9ed5ad16c294 a6fb94d5ae1fc1f3
        a6fb94d5ae1fc2f3 d4bcb4f9cf7b82f3 a6fb94d5ae7aa092 a6fb94d5ae1fc3f3*491 314c5752898746a7
        123456789abcdef 200000001 100000002 3a00028000000002 42c649a0ee7a9afa c246498213acf792
        42c649a0ee7d9aa4 42c649a3ee7a994f 42c649a3ee7a9aa2 53c64ea2ef7998a6 42c649a0077a9aa7
        42c649a3e87a9aa7 62fc28c7af7a9aa7 30a924838a15f5c0 42cf49a48914f3c9 42c649a3ee7a9aa6
        42c649a3ee7a9aa7 42c649aaee7a9aa7 42c649a3ee7a9aa7*493 314c5752b2c5a543 123456789abcdef 300000001
        100000003 2000000000000003 3f4f6df60bc815e ebf4fcdc7a31f869 3f4f6dc60bf816b 3f4f6dd60bc816d
        3f4f6dd60bc816e 3f4f6dd67bc896b 3f4f6dd60bc816f*501 314c57526957267d 123456789abcdef 400000001
        100000004 2000000000000004 85974c596ad8e6dc 5974c5bff8091ad 85974c596ad8e6dc*505 0*1536
        """,
        """
        314c57523f008bab 123456789abcdef 2 100000000 2000000000000000 8bfd31118d0e2e4b 8bfd311903ddf3c1
        8bfd31018d0e2f60 8bfd31198d0e2f63 8bfd31198d0e2f66 8bfd31198d0e2f64 8bfd31198d0e2f6e
        8bfd3118ad0e2f66 8bfd31118d0d2f64 8bfd31198d0e2f67 8bfd31198d0e2f64 8bfd31198d0e2f67
        8bfd31018d0d2f63 8bfd31198d0e2f64 8bfd31198d0e2f67 8bfd31198d0e2f64 8bfd31198d0e2f67
        8bfd31198d0e2f66 8bfd31188d0d2f6f 8bfd31198d0e2f66*2 8bfd29198a0e2a62 8bfd31198d0dc666
        8bfd31198d0e2966 8bfd31198d0dc666 8bfd31198d0e2a66 8bfd31198d0e2f66 8bfd32198a0e2666
        8bfd31198d0e2f66*2 8bf4311c8e0c2e66 8bfd31198d0e2f7e 8bfd31198d0e2f66 8bfd31188d0e2f66
        8bfd31198d0e2f66 8bfd30198d0e2f66 8bf431138d0e2f66 8bfd31198d0e2f67 8bfd31198d0e2f66
        8bfd31108d0e2f66 8bfd31198d0e2f66*467 0*3584
        """,
    ]
}
