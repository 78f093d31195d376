import ClusterModel

/// A replica's word that, at a moment after somebody asked for a read, its term was this one: it had then promised no
/// later leader anything.
///
/// It is what the answer to a heartbeat of a ReadIndex round says (thesis, section 6.4), given before it is asked for. A
/// node that passes a read on to the leader takes one from its own replica and sends it along. If that replica and the
/// leader are a quorum, as two of three are, the leader needs no round: a leader of a later term, elected before the read
/// was asked for, would have needed the promise of one of them.
package struct ReadVoucher: Hashable, Sendable {
    package let replica: ReplicaID
    package let term: Term
    package let incarnation: GroupIncarnation

    package init(replica: ReplicaID, term: Term, incarnation: GroupIncarnation) {
        self.replica = replica
        self.term = term
        self.incarnation = incarnation
    }
}

extension RaftReplica {
    /// To be taken after a read was asked for, and sent with no read that is asked for later.
    package var readVoucher: ReadVoucher {
        ReadVoucher(replica: self.id, term: self.term, incarnation: self.incarnation)
    }
}

extension ReadVoucher: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.replica)
        writer.write(self.term)
        writer.write(self.incarnation)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(replica: try reader.read(), term: try reader.read(), incarnation: try reader.read())
    }
}
