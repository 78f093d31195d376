import ClusterModel

/// The place of a state that stands for the log up to and including `index`.
///
/// It says nothing of the state itself: the host makes, sends and keeps that. Equal points name equal states,
/// since an entry is known by its index and term.
package struct SnapshotPoint: Hashable, Sendable {
    package let index: LogIndex
    package let term: Term
    /// The committed configuration in force at `index`.
    package let configuration: Configuration

    package init(index: LogIndex, term: Term, configuration: Configuration) {
        self.index = index
        self.term = term
        self.configuration = configuration
    }
}

extension SnapshotPoint: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.index)
        writer.write(self.term)
        writer.write(self.configuration)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(index: try reader.readIndex(), term: try reader.readTerm(), configuration: try reader.read())
        guard self.index > .zero, self.configuration.isWellFormed else { throw .invalid("SnapshotPoint") }
    }
}

extension SnapshotPoint: CustomStringConvertible {
    package var description: String { "\(self.index)/\(self.term) with \(self.configuration)" }
}

/// What a node remembers of a replica whose data it has deleted, so that nothing late brings it back.
///
/// The host keeps one per group in its log's tombstone and asks it about every message for a group that it has
/// no replica of.
package struct ReplicaTombstone: Hashable, Sendable {
    package let incarnation: GroupIncarnation
    /// The highest id that a deleted replica of this incarnation has had here.
    package let replica: ReplicaID

    package init(incarnation: GroupIncarnation, replica: ReplicaID) {
        self.incarnation = incarnation
        self.replica = replica
    }

    /// Whether a message of `incarnation` to `replica` speaks to the deleted one, or to one before it.
    package func refuses(_ replica: ReplicaID, of incarnation: GroupIncarnation) -> Bool {
        (incarnation, replica) <= (self.incarnation, self.replica)
    }
    /// Covers both.
    package func merged(with other: ReplicaTombstone) -> ReplicaTombstone {
        (self.incarnation, self.replica) < (other.incarnation, other.replica) ? other : self
    }
}

extension ReplicaTombstone: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.incarnation)
        writer.write(self.replica)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(incarnation: try reader.read(), replica: try reader.read())
    }
}
