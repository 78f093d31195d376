// What the log keeps for the host about the place where a shard's entries begin.

import ClusterModel
import Raft

/// The configuration in force just below a log's first entry. The entry that said it is gone, and without it a
/// replica would not know whose group it is.
struct LogNote: Hashable, Sendable {
    /// Where the configuration stood, or the place itself where a snapshot said it.
    let index: LogIndex
    let configuration: Configuration
}

extension LogNote: Wire {
    func encode(into writer: inout ByteWriter) {
        writer.write(self.index)
        writer.write(self.configuration)
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(index: try reader.read(), configuration: try reader.read())
    }
}

/// The committed configurations of a replica, from the one in force at its log's base on, oldest first.
struct ConfigurationHistory: Sendable {
    private(set) var entries: [LogNote] = []

    mutating func committed(_ configuration: Configuration, at index: LogIndex) {
        guard index > self.entries.last?.index ?? .zero else { return }
        self.entries.append(LogNote(index: index, configuration: configuration))
    }

    /// The one in force at `index`, which does not lie below the log's base.
    func inForce(at index: LogIndex) -> LogNote? { self.entries.last { $0.index <= index } }

    /// Nobody asks for a place below `index` any more.
    mutating func forget(before index: LogIndex) {
        while self.entries.count > 1, self.entries[1].index <= index { self.entries.removeFirst() }
    }

    mutating func restart(at index: LogIndex, _ configuration: Configuration) {
        self.entries = [LogNote(index: index, configuration: configuration)]
    }
}
