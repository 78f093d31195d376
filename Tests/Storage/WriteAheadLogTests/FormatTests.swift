import ClusterModel
import Testing

@testable import WriteAheadLog

@Suite struct FormatTests {
    struct Vector: Sendable {
        let bytes: [UInt8]
        let checksum: UInt32
    }

    static let vectors = [
        Vector(bytes: Array("123456789".utf8), checksum: 0xE306_9283),
        Vector(bytes: [UInt8](repeating: 0, count: 32), checksum: 0x8A91_36AA),
        Vector(bytes: [UInt8](repeating: 0xFF, count: 32), checksum: 0x62A8_AB43),
        Vector(bytes: Array(0...31), checksum: 0x46DD_794E),
        Vector(bytes: Array((0...31).reversed()), checksum: 0x113F_DB5C),
        Vector(bytes: [], checksum: 0),
    ]

    /// RFC 3720, appendix B.4, and the check value of the polynomial.
    @Test(arguments: vectors)
    func `CRC32C gives the published values`(vector: Vector) {
        #expect(Checksum.crc32c(vector.bytes) == vector.checksum)
        #expect(Checksum.portableCRC32C(vector.bytes) == vector.checksum)
    }

    @Test func `CRC32C goes on from a seed, and both ways agree at every length and alignment`() {
        var generator = SeededGenerator(seed: 11)
        let bytes = (0..<300).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for split in 0..<bytes.count {
            let (left, right) = (Array(bytes[..<split]), Array(bytes[split...]))
            #expect(Checksum.crc32c(right, seed: Checksum.crc32c(left)) == Checksum.crc32c(bytes))
            #expect(Checksum.portableCRC32C(left) == Checksum.crc32c(left))
        }
    }

    @Test func `records come back from a batch whatever block boundaries they straddle`() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 4_096, alignment: 4_096)
        defer { buffer.deallocate() }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<50 {
            var encoder = BatchEncoder(buffer)
            encoder.begin(blocksMax: 16)
            var written: [(head: RecordHead, body: [UInt8])] = []
            while true {
                let body = (0..<Int.random(in: 0...900, using: &generator)).map { UInt8(truncatingIfNeeded: $0) }
                guard encoder.fits(bodyBytes: body.count) else { break }
                let head = RecordHead(
                    .entry, entryKind: 2, shard: general, bodyBytes: body.count,
                    index: LogIndex(UInt64(written.count + 1)), term: Term(4))
                _ = body.withUnsafeBytes { encoder.append(head, body: $0) }
                written.append((head, body))
            }
            let sealed = encoder.seal(
                .records, identity: 77, segment: SegmentNumber(2), startBlock: 5, previousChain: 123,
                previous: .unknown)
            #expect(sealed.blocks <= 16)
            for block in 0..<sealed.blocks {
                let place = Block(base: buffer.baseAddress! + block * 4_096)
                #expect(!place.hasZeroSector)
                guard
                    case .sound(let header, _) = place.inspect(
                        identity: 77, segment: SegmentNumber(2), block: 5 + block)
                else {
                    Issue.record("block \(block) is not sound")
                    continue
                }
                #expect(header.batchStart == 5 && header.batchBlocks == UInt32(sealed.blocks))
                #expect(place.inspect(identity: 78, segment: SegmentNumber(2), block: 5 + block) == .foreign)
                #expect(place.inspect(identity: 77, segment: SegmentNumber(3), block: 5 + block) == .foreign)
                #expect(place.inspect(identity: 77, segment: SegmentNumber(2), block: 6 + block) == .foreign)
                place.whiten(identity: 77, segment: SegmentNumber(2), block: UInt32(5 + block))
            }
            var reader = StreamReader(
                UnsafeRawBufferPointer(rebasing: buffer[..<(sealed.blocks * 4_096)]),
                position: BlockFormat.headerBytes + BatchHead.bytes)
            for (head, body) in written {
                let found = reader.head()
                let foundBody = reader.bytes(body.count)
                #expect(found?.head == head)
                #expect(foundBody == body)
            }
        }
    }

    @Test func `a payload of zeros leaves no zero sector on the disk`() throws {
        var log = try SteppedLog()
        try log.commit([
            append(
                general, nil,
                [WALEntry(index: LogIndex(1), term: Term(1), kind: 1, payload: .init(repeating: 0, count: 20_000))])
        ])
        let bytes = log.disk.content(SegmentNumber(1))
        let start = 4_096
        for sector in stride(from: start, to: start + 5 * 4_096, by: 512) {
            #expect(bytes[sector..<sector + 512].contains { $0 != 0 }, "sector at \(sector)")
        }
        #expect(try log.read(general, 1...1)[0].payload == .init(repeating: 0, count: 20_000))
    }

    @Test func `a stream reader refuses lengths beyond its end`() {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 4_096)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
        var reader = StreamReader(UnsafeRawBufferPointer(bytes), position: 4_090)
        let head = reader.head()
        let tooMany = reader.bytes(7)
        let skipped = reader.skip(7)
        let rest = reader.bytes(6)
        let word = reader.word()
        #expect(head == nil && tooMany == nil && !skipped && rest?.count == 6 && word == nil)
    }
}
