import ClusterModel

/// One position of a group's log.
package struct Entry: Hashable, Sendable {
    package let index: LogIndex
    package let term: Term
    package let payload: Payload

    package init(index: LogIndex, term: Term, payload: Payload) {
        self.index = index
        self.term = term
        self.payload = payload
    }

    /// About what the entry occupies in memory and on the wire; the unit of all byte bounds here.
    package var byteCount: Int {
        switch self.payload {
        case .noop: return 32
        case .command(let bytes): return 32 + bytes.count
        case .configuration(let configuration):
            return 64 + 24
                * (configuration.voters.count + configuration.outgoing.count + configuration.learners.count)
        }
    }

    /// Indexes and terms stop here, so that arithmetic on foreign ones cannot overflow.
    package static let ordinalMax: UInt64 = 1 << 62
    /// The largest command that is decoded, whatever the settings of the proposer.
    package static let commandBytesMax = 4 << 20
}

package enum Payload: Hashable, Sendable {
    /// The first entry of every leader's term; it commits what older terms left (Raft, section 8).
    case noop
    case command([UInt8])
    case configuration(Configuration)
}

extension Payload: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .noop:
            writer.write(UInt8(0))
        case .command(let bytes):
            writer.write(UInt8(1))
            writer.write(bytes)
        case .configuration(let configuration):
            writer.write(UInt8(2))
            writer.write(configuration)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .noop
        case 1: self = .command(try reader.readBytes(max: Entry.commandBytesMax))
        case 2: self = .configuration(try reader.read())
        case let kind: throw .unknownKind(UInt64(kind), of: "Payload")
        }
    }
}

extension Entry: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.index)
        writer.write(self.term)
        writer.write(self.payload)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(index: try reader.readIndex(), term: try reader.readTerm(), payload: try reader.read())
        guard self.index > .zero else { throw .invalid("Entry.index") }
    }
}

extension ByteReader {
    mutating func readTerm() throws(WireError) -> Term {
        let term = try self.read(Term.self)
        guard term.rawValue <= Entry.ordinalMax else { throw .invalid("Term") }
        return term
    }
    mutating func readIndex() throws(WireError) -> LogIndex {
        let index = try self.read(LogIndex.self)
        guard index.rawValue <= Entry.ordinalMax else { throw .invalid("LogIndex") }
        return index
    }
}
