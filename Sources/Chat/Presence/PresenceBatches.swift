import ChatModel
import ClusterModel

// What nodes tell each other of presence and typing. One batch a peer and turn; all of it may be lost and is made up for.

/// People at most in one batch.
package let presenceBatchMax = 1_000

/// From the node of the devices to the leader of their people's shards.
package struct PresenceReportBatch: Hashable, Sendable {
    package let from: NodeID
    package let reports: [PresenceReport]

    package init(from: NodeID, reports: [PresenceReport]) {
        self.from = from
        self.reports = reports
    }
}

/// Of whom the sender wants to hear, and of whom no longer.
package struct PresenceWatchBatch: Hashable, Sendable {
    package let from: NodeID
    package let watched: [UserID]
    package let unwatched: [UserID]

    package init(from: NodeID, watched: [UserID], unwatched: [UserID]) {
        self.from = from
        self.watched = watched
        self.unwatched = unwatched
    }
}

/// From a leader to those who watch.
package struct PresenceUpdateBatch: Hashable, Sendable {
    package let from: NodeID
    package let states: [PresenceState]
    /// The sender leads these anew, or may have forgotten the receiver: it wants to hear everything again.
    package let renewed: [ShardID]

    package init(from: NodeID, states: [PresenceState], renewed: [ShardID]) {
        self.from = from
        self.states = states
        self.renewed = renewed
    }
}

package struct TypingBatch: Hashable, Sendable {
    package let from: NodeID
    package let notes: [TypingNote]

    package init(from: NodeID, notes: [TypingNote]) {
        self.from = from
        self.notes = notes
    }
}

/// A leader is asked how people are, after it has taken the reports that come with the question.
package struct PresenceQuestion: Hashable, Sendable {
    package let from: NodeID
    package let reports: [PresenceReport]
    package let users: [UserID]

    package init(from: NodeID, reports: [PresenceReport], users: [UserID]) {
        self.from = from
        self.reports = reports
        self.users = users
    }
}

package struct PresenceReply: Hashable, Sendable {
    package var states: [PresenceState]
    /// Those of them of whom the log keeps a choice.
    package var chosen: [UserID]
    /// Led here for too short a time to know.
    package var unknown: [UserID]
    /// Not led here.
    package var elsewhere: [UserID]

    package init(
        states: [PresenceState] = [], chosen: [UserID] = [], unknown: [UserID] = [], elsewhere: [UserID] = []
    ) {
        self.states = states
        self.chosen = chosen
        self.unknown = unknown
        self.elsewhere = elsewhere
    }
}

// MARK: Binary forms

extension PresenceSaid: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.choice)
        writer.write(self.at)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(choice: try reader.read(), at: try reader.read())
    }
}

extension PresenceReport: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.status)
        writer.write(self.said)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(user: try reader.read(), status: try reader.readOptional(), said: try reader.readOptional())
    }
}

extension PresenceReportBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.reports)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(from: try reader.read(), reports: try reader.readArray(bytesEach: 18, max: presenceBatchMax))
    }
}

extension PresenceWatchBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.watched)
        writer.write(self.unwatched)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            from: try reader.read(), watched: try reader.readArray(bytesEach: 16, max: presenceBatchMax),
            unwatched: try reader.readArray(bytesEach: 16, max: presenceBatchMax))
    }
}

extension PresenceUpdateBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.states)
        writer.write(self.renewed)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            from: try reader.read(), states: try reader.readArray(bytesEach: 18, max: presenceBatchMax),
            renewed: try reader.readArray(bytesEach: 2))
    }
}

extension TypingBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.notes)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(from: try reader.read(), notes: try reader.readArray(bytesEach: 33, max: presenceBatchMax))
    }
}

extension PresenceQuestion: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.from)
        writer.write(self.reports)
        writer.write(self.users)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            from: try reader.read(), reports: try reader.readArray(bytesEach: 18, max: presenceBatchMax),
            users: try reader.readArray(bytesEach: 16, max: presenceBatchMax))
    }
}

extension PresenceReply: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.states)
        writer.write(self.chosen)
        writer.write(self.unknown)
        writer.write(self.elsewhere)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            states: try reader.readArray(bytesEach: 18, max: presenceBatchMax),
            chosen: try reader.readArray(bytesEach: 16, max: presenceBatchMax),
            unknown: try reader.readArray(bytesEach: 16, max: presenceBatchMax),
            elsewhere: try reader.readArray(bytesEach: 16, max: presenceBatchMax))
    }
}
