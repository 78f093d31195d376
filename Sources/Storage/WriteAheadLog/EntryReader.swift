import ClusterModel

/// Reads entries back by the index, checking every block again.
struct EntryReader {
    let state: LogIndexState
    let identity: UInt64

    /// Blocks read at once at most, and the widest gap of other shards' blocks that is read over rather than skipped.
    private static let windowBlocksMax = 256
    private static let gapBlocksMax = 16

    /// - SeeAlso: `WriteAheadLog.read(_:from:to:bytesMax:)`.
    func read(
        _ shard: ShardID, from first: LogIndex, to end: LogIndex, bytesMax: Int
    ) throws(WALError) -> [WALEntry] {
        guard first < end else { return [] }
        let positions = try self.positions(shard, first, end, bytesMax: bytesMax)
        var entries: [WALEntry] = []
        var bytes = 0
        var next = 0
        do throws(WALError) {
            while next < positions.count, bytes < bytesMax || entries.isEmpty {
                let (window, loaded) = try self.loadWindow(positions[next...])
                for position in positions[next..<next + window.count] {
                    let index = first.advanced(by: next)
                    let entry = try self.entry(shard, index, at: position, in: loaded, window.blocks)
                    guard entries.isEmpty || bytes + entry.payload.count <= bytesMax else { return entries }
                    bytes += entry.payload.count
                    entries.append(entry)
                    next += 1
                }
            }
        } catch {
            // A segment may be recycled while it is read; then the entries are released, not damaged.
            if let log = self.state.withTable({ $0[shard] }), log.firstIndex > first {
                throw .released(firstIndex: log.firstIndex)
            }
            throw error
        }
        return entries
    }

    private func positions(
        _ shard: ShardID, _ first: LogIndex, _ end: LogIndex, bytesMax: Int
    ) throws(WALError) -> [RecordPosition] {
        let found: Result<[RecordPosition], WALError> = self.state.withTable { table in
            let log = table[shard] ?? ShardLog()
            guard first >= max(log.firstIndex, log.lowestHeld) else {
                return .failure(.released(firstIndex: log.firstIndex))
            }
            guard end.rawValue <= log.lastIndex.rawValue + 1 else {
                return .failure(.beyondEnd(lastIndex: log.lastIndex))
            }
            // Even an entry without a payload costs a record head, so this many are enough.
            let count = min(end.count(since: first), max(1, bytesMax / RecordHead.bytes + 1))
            return .success((0..<count).map { log.position(of: first.advanced(by: $0)) })
        }
        return try found.get()
    }

    /// How many of the positions lie close enough together, and which blocks of their segment hold their beginnings.
    private static func window(_ positions: ArraySlice<RecordPosition>) -> (count: Int, blocks: Range<Int>) {
        let first = positions[positions.startIndex]
        let start = first.byteOffset / BlockFormat.blockBytes
        var last = start
        var count = 0
        for position in positions {
            let block = position.byteOffset / BlockFormat.blockBytes
            guard position.segment == first.segment, block >= last, block - last <= Self.gapBlocksMax,
                block - start < Self.windowBlocksMax
            else { break }
            last = block
            count += 1
        }
        return (count, start..<last + 1)
    }

    /// Reads the blocks where the next positions are. When something between them does not read back, which need not
    /// be of this shard, only that of the first.
    private func loadWindow(
        _ positions: ArraySlice<RecordPosition>
    ) throws(WALError) -> ((count: Int, blocks: Range<Int>), SegmentBuffer) {
        let segment = positions[positions.startIndex].segment
        let window = Self.window(positions)
        do throws(WALError) {
            return (window, try self.load(segment, blocks: window.blocks))
        } catch {
            guard case .corrupt = error, window.count > 1 else { throw error }
            let one = Self.window(positions.prefix(1))
            return (one, try self.load(segment, blocks: one.blocks))
        }
    }

    /// Reads blocks of a segment, checked and unwhitened.
    private func load(_ number: SegmentNumber, blocks: Range<Int>) throws(WALError) -> SegmentBuffer {
        let file = try self.state.file(number)
        let buffer = SegmentBuffer()
        buffer.resize(blocks: blocks.count)
        let bytes = buffer.bytes
        try onDisk { () throws(DiskFailure) in try file.read(block: blocks.lowerBound, into: bytes) }
        for index in blocks {
            let block = Block(
                base: bytes.baseAddress! + (index - blocks.lowerBound) * BlockFormat.blockBytes)
            let found = block.inspect(identity: self.identity, segment: number, block: index)
            guard case .sound = found else {
                throw .corrupt(
                    segment: number, byteOffset: index * BlockFormat.blockBytes, reason: CorruptionReason(found))
            }
            block.whiten(identity: self.identity, segment: number, block: UInt32(index))
        }
        return buffer
    }

    /// Decodes the record at a position; the rest of a record that reaches beyond the window is read separately.
    private func entry(
        _ shard: ShardID, _ index: LogIndex, at position: RecordPosition, in window: SegmentBuffer, _ blocks: Range<Int>
    ) throws(WALError) -> WALEntry {
        let firstBlock = position.byteOffset / BlockFormat.blockBytes
        let wrong = WALError.corrupt(
            segment: position.segment, byteOffset: position.byteOffset, reason: .wrongEntry)
        func reader(_ buffer: SegmentBuffer, from lower: Int) -> StreamReader {
            StreamReader(
                UnsafeRawBufferPointer(buffer.bytes), position: position.byteOffset - lower * BlockFormat.blockBytes)
        }
        var buffer = window
        var stream = reader(window, from: blocks.lowerBound)
        var head = stream.head()?.head
        if head == nil {
            buffer = try self.load(position.segment, blocks: firstBlock..<firstBlock + 2)
            stream = reader(buffer, from: firstBlock)
            head = stream.head()?.head
        }
        guard let head, head.kind == RecordKind.entry.rawValue, head.shard == shard, head.index == index,
            Int(head.bodyBytes) <= BlockFormat.batchBlocksMax * BlockFormat.blockBytes
        else { throw wrong }
        if stream.remaining < Int(head.bodyBytes) {
            let ahead = position.byteOffset % BlockFormat.blockBytes - BlockFormat.headerBytes
            let count = BlockFormat.blocks(streamBytes: ahead + RecordHead.bytes + Int(head.bodyBytes))
            buffer = try self.load(position.segment, blocks: firstBlock..<firstBlock + count)
            stream = reader(buffer, from: firstBlock)
            guard stream.head() != nil else { throw wrong }
        }
        guard let payload = stream.bytes(Int(head.bodyBytes)) else { throw wrong }
        return WALEntry(index: index, term: head.term, kind: head.entryKind, payload: payload)
    }
}
