import ChatMachine
import ChatModel
import ClusterModel

/// What apply has changed, on its way to a projection.
///
/// Events wait as bytes, in the form in which a run holds them: their texts are copied while the processor still has
/// them at hand, and their memory is free again at once. As values they would lie about for the seconds until their
/// transaction, and a thread that meets each of their references cold would pay more for that than for SQLite.
package struct QueuedRows: Sendable {
    /// An event without its texts.
    struct Head: Sendable {
        let channel: ChannelID
        let seq: UInt64
        /// What the machine's index keeps of it.
        let mark: MessageIndex.Mark
        let key: StoredKey?
        /// Where its author and body end in `bodies`; they begin where the event before ends.
        let end: Int
    }
    /// A place in the queue, counted from its beginning.
    package struct Place: Sendable, Hashable {
        fileprivate var heads = 0
        fileprivate var others = 0
        package static let start = Place()
        /// Rows before this place.
        package var count: Int { self.heads + self.others }
    }

    /// In the order of the log, as are `others`; a projection writes events first.
    private(set) var heads: [Head] = []
    private(set) var bodies = ByteWriter()
    /// All changes but events. What becomes of a record is decided by its last change, not by what stood between.
    private(set) var others: [RowChange] = []
    /// What has been taken already.
    private var taken = Place.start

    package init() {}

    package init(_ changes: [RowChange]) { self.append(changes) }

    package var isEmpty: Bool { self.heads.isEmpty && self.others.isEmpty }
    package var count: Int { self.heads.count + self.others.count }
    /// Bytes of authors and bodies.
    package var bodyBytes: Int { self.bodies.count }
    package var end: Place {
        Place(heads: self.taken.heads + self.heads.count, others: self.taken.others + self.others.count)
    }

    package mutating func append(_ changes: [RowChange]) {
        for change in changes { self.append(change) }
    }

    package mutating func append(_ change: RowChange) {
        guard case .event(let event, let key) = change else { return self.others.append(change) }
        self.bodies.write(event.actor)
        self.bodies.write(event.body)
        self.heads.append(
            Head(
                channel: event.channel, seq: event.seq, mark: MessageIndex.Mark(event), key: key,
                end: self.bodies.count))
    }

    /// The event of a plain message, whose content is taken as it stands in its command.
    ///
    /// - Parameter bytes: those that `post` was read from.
    package mutating func append(_ message: PlainMessage, _ post: LoggedPost, of bytes: [UInt8]) {
        self.bodies.write(post.actor.user)
        self.bodies.write(EventKind.messageCreated)
        bytes.withUnsafeBytes { self.bodies.append(raw: UnsafeRawBufferPointer(rebasing: $0[post.content])) }
        self.heads.append(
            Head(
                channel: post.channel, seq: message.seq, mark: message.mark, key: message.key, end: self.bodies.count))
    }

    /// The rows up to `place`; nearly always all of them, which moves instead of copying.
    ///
    /// - Precondition: `place` is not before what has been taken, nor after the end.
    package mutating func takeFirst(through place: Place) -> QueuedRows {
        precondition(
            place.heads >= self.taken.heads && place.others >= self.taken.others && place.heads <= self.end.heads
                && place.others <= self.end.others, "rows up to \(place) of a queue up to \(self.end)")
        var first = self
        guard place != self.end else {
            self = QueuedRows()
            self.taken = place
            // As many come next, most often. To grow there from nothing would copy all of it once more, to memory that has to
            // be fetched first.
            self.heads.reserveCapacity(first.heads.count)
            self.bodies = ByteWriter(reservingCapacity: first.bodies.count)
            return first
        }
        let heads = place.heads - self.taken.heads
        let others = place.others - self.taken.others
        let bytes = heads == 0 ? 0 : self.heads[heads - 1].end
        first.heads.removeSubrange(heads...)
        first.others.removeSubrange(others...)
        first.bodies = Self.copy(of: self.bodies, 0..<bytes)
        self.bodies = Self.copy(of: self.bodies, bytes..<self.bodies.count)
        self.heads = self.heads[heads...].map {
            Head(channel: $0.channel, seq: $0.seq, mark: $0.mark, key: $0.key, end: $0.end - bytes)
        }
        self.others.removeSubrange(..<others)
        self.taken = place
        return first
    }

    private static func copy(of writer: ByteWriter, _ range: Range<Int>) -> ByteWriter {
        var copy = ByteWriter(reservingCapacity: range.count)
        writer.bytes.withUnsafeBytes { copy.append(raw: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return copy
    }

    /// Where the author and the body of an event stand in `bodies`.
    func body(of place: Int) -> Range<Int> { (place == 0 ? 0 : self.heads[place - 1].end)..<self.heads[place].end }

    /// The same rows as values, events first: for projections that are no files.
    package func changes() throws(WireError) -> [RowChange] {
        var reader = ByteReader(self.bodies.bytes)
        var changes: [RowChange] = []
        changes.reserveCapacity(self.count)
        for head in self.heads {
            let event = DurableEvent(
                channel: head.channel, seq: head.seq, at: head.mark.at, actor: try reader.read(),
                body: try reader.read())
            changes.append(.event(event, idempotency: head.key))
        }
        return changes + self.others
    }
}
