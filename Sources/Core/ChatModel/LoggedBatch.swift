import ClusterModel

/// Several commands as one log entry: a byte in the place of their schema's version, then each as a frame.
///
/// Whatever an entry holds, it costs every replica a place in the log, a record on disk, an array and the references to
/// it. Nothing is decided together: each command is applied as by itself, in their order, and has its own result.
package struct LoggedBatch: Sendable {
    /// Below it are versions of `LoggedCommand`.
    package static let schemaVersion: UInt8 = 0x80

    private var writer: ByteWriter
    package private(set) var count = 0

    /// - Parameter capacity: about as many bytes as will be written.
    package init(reservingCapacity capacity: Int) {
        self.writer = ByteWriter(reservingCapacity: capacity)
        self.writer.write(Self.schemaVersion)
    }

    /// An entry's bytes, of one command at least.
    package var bytes: [UInt8] { self.writer.bytes }

    /// - Returns: false, with nothing added, where the entry would be longer than `bytesMax`. It takes any first command.
    package mutating func append(_ proposed: ProposedCommand, bytesMax: Int) -> Bool {
        let start = self.writer.count
        self.writer.writeFrame { proposed.encode(into: &$0) }
        guard self.count == 0 || self.writer.count <= bytesMax else {
            self.writer.removeAll(from: start)
            return false
        }
        self.count += 1
        return true
    }
}

/// Where the commands of a log entry stand in its bytes, one after the other.
package struct LoggedCommandPlaces: Sendable {
    private var reader: ByteReader
    private let isBatch: Bool

    /// - Parameter bytes: of a `LoggedBatch`; everything else is one command.
    package init(_ bytes: [UInt8]) {
        self.isBatch = bytes.first == LoggedBatch.schemaVersion
        self.reader = ByteReader(bytes, in: (self.isBatch ? 1 : 0)..<bytes.count)
    }

    /// - Returns: nil behind the last.
    /// - Throws: for bytes that are no batch, wherever they cease to be one.
    package mutating func next() throws(WireError) -> Range<Int>? {
        guard !self.reader.isAtEnd else { return nil }
        return self.isBatch ? try self.reader.readFrame() : self.reader.readRest()
    }
}
