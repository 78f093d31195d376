import ChatMachine
import ChatModel
import ClusterModel

/// What apply has changed, on its way to a projection.
///
/// Events wait as bytes, in the form in which a run holds them: of a plain message those of its entry, which is kept for
/// that long; of any other event a copy, made while the processor still has its texts at hand. As values they would lie
/// about for the seconds until their transaction, and a thread that meets each of their references cold would pay more
/// for that than for SQLite.
package struct QueuedRows: Sendable {
    /// An event without its texts.
    struct Head: Sendable {
        let channel: ChannelID
        let seq: UInt64
        /// What the machine's index keeps of it.
        let mark: MessageIndex.Mark
        let key: StoredKey?
        /// Of a plain message the place of its entry in `entries`; nil for bytes in `bodies`.
        var entry: Int32?
        /// Where its bytes stand: a plain message's content, of any other event its author and body.
        var place: Range<Int>
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
    /// Those that plain messages stand in, each once.
    private var entries: [[UInt8]] = []
    /// Of the last of `entries`.
    private var lastIndex: LogIndex?
    private var entryBytes = 0
    private var bodies = ByteWriter()
    /// All changes but events. What becomes of a record is decided by its last change, not by what stood between.
    private(set) var others: [RowChange] = []
    /// What has been taken already.
    private var taken = Place.start

    package init() {}

    package init(_ changes: [RowChange]) { self.append(changes) }

    package var isEmpty: Bool { self.heads.isEmpty && self.others.isEmpty }
    package var count: Int { self.heads.count + self.others.count }
    /// What is kept for the events' sake.
    package var bodyBytes: Int { self.bodies.count + self.entryBytes }
    package var end: Place {
        Place(heads: self.taken.heads + self.heads.count, others: self.taken.others + self.others.count)
    }

    package mutating func append(_ changes: [RowChange]) {
        for change in changes { self.append(change) }
    }

    package mutating func append(_ change: RowChange) {
        guard case .event(let event, let key) = change else { return self.others.append(change) }
        let start = self.bodies.count
        self.bodies.write(event.actor)
        self.bodies.write(event.body)
        self.heads.append(
            Head(
                channel: event.channel, seq: event.seq, mark: MessageIndex.Mark(event), key: key, entry: nil,
                place: start..<self.bodies.count))
    }

    /// The event of a plain message, whose content stays where it stands in its command.
    ///
    /// - Parameters:
    ///   - bytes: those that `post` was read from, an entry's.
    ///   - index: the entry's: the same for all of its messages, and for no other entry's.
    package mutating func append(
        _ message: PlainMessage, _ post: LoggedPost, of bytes: [UInt8], at index: LogIndex
    ) {
        if self.lastIndex != index {
            self.lastIndex = index
            self.entries.append(bytes)
            self.entryBytes += bytes.count
        }
        self.heads.append(
            Head(
                channel: post.channel, seq: message.seq, mark: message.mark, key: message.key,
                entry: Int32(truncatingIfNeeded: self.entries.count - 1), place: post.content))
    }

    /// The rows up to `place`; nearly always all of them, which moves instead of copying.
    ///
    /// - Precondition: `place` is not before what has been taken, nor after the end.
    package mutating func takeFirst(through place: Place) -> QueuedRows {
        precondition(
            place.heads >= self.taken.heads && place.others >= self.taken.others && place.heads <= self.end.heads
                && place.others <= self.end.others, "rows up to \(place) of a queue up to \(self.end)")
        var first = self
        let heads = place.heads - self.taken.heads
        let others = place.others - self.taken.others
        self = QueuedRows()
        self.taken = place
        // As many come next, most often. To grow there from nothing would copy all of it once more, to memory that has to
        // be fetched first.
        self.heads.reserveCapacity(first.heads.count)
        guard heads < first.heads.count || others < first.others.count else { return first }
        for head in first.heads[heads...] { self.take(head, of: first) }
        self.others.append(contentsOf: first.others[others...])
        first.heads.removeSubrange(heads...)
        first.others.removeSubrange(others...)
        return first
    }

    /// Copies an event from another queue, with its bytes.
    private mutating func take(_ head: Head, of other: QueuedRows) {
        var head = head
        let start = self.bodies.count
        other.withBytes(of: head) { parts in
            if let author = parts.author { Self.begin(author, &self.bodies) }
            self.bodies.append(raw: parts.bytes)
        }
        head.entry = nil
        head.place = start..<self.bodies.count
        self.heads.append(head)
    }

    /// An event's author and body as bytes, but for what `begin` writes before them.
    struct Parts {
        /// Of a plain message; nil where the bytes have all.
        let author: UserID?
        let bytes: UnsafeRawBufferPointer
    }

    func withBytes(of head: Head, _ body: (Parts) -> Void) {
        let whole = head.entry.map { self.entries[Int($0)] } ?? self.bodies.bytes
        whole.withUnsafeBytes { bytes in
            body(
                Parts(
                    author: head.entry == nil ? nil : head.mark.author,
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[head.place])))
        }
    }

    /// Writes what stands before a plain message's content in its event.
    static func begin(_ author: UserID, _ writer: inout ByteWriter) {
        writer.write(author)
        writer.write(EventKind.messageCreated)
    }

    /// The same rows as values, events first: for projections that are no files.
    package func changes() throws(WireError) -> [RowChange] {
        var changes: [RowChange] = []
        changes.reserveCapacity(self.count)
        for head in self.heads {
            var writer = ByteWriter(reservingCapacity: 32 + head.place.count)
            self.withBytes(of: head) { parts in
                if let author = parts.author { Self.begin(author, &writer) }
                writer.append(raw: parts.bytes)
            }
            var reader = ByteReader(writer.bytes)
            let event = DurableEvent(
                channel: head.channel, seq: head.seq, at: head.mark.at, actor: try reader.read(),
                body: try reader.read())
            changes.append(.event(event, idempotency: head.key))
        }
        return changes + self.others
    }
}
