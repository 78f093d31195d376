import ChatMachine
import ChatModel
import ClusterModel

/// Neighbouring events of one channel as one row: a row of SQLite costs some microseconds whatever is in it, an
/// event in a blob some hundred nanoseconds.
///
/// A run holds what one transaction had of its channel, up to the bounds below, and is never changed but by erasing
/// and trimming: a quiet channel has runs of one event. Its head (what the machine keeps of every event, and
/// idempotency keys) stands in a column before its body (authors and contents), so that a start reads no text.
///
///     head: at of the first event i64, count var, then that many authors of its messages, 16 bytes each
///           then for each event var (milliseconds since the one before << 3 | is special << 2 | is message << 1 | has key)
///           a message:     place of its author var
///           a special one: bits u8 (1 reply, 2 broadcast, 4 mentions); a reply: var (its seq - the root's)
///           with a key:    high u64, low u64, fingerprint u64
///     body: for each event actor and event body
struct EventRun {
    /// A reader of one event decodes at most this many, of about this many bytes.
    static let countMax = 64
    static let bytesMax = 32 << 10

    private(set) var first: UInt64 = 0
    private(set) var count = 0
    private var firstTime: Int64 = 0
    private var lastTime: Int64 = 0
    private var authors: [UserID] = []
    /// The head behind its authors.
    private var entries = ByteWriter(reservingCapacity: 2_048)
    private var body = ByteWriter(reservingCapacity: 2 * Self.bytesMax)

    var headBytes: [UInt8] {
        var head = ByteWriter(reservingCapacity: 16 + 16 * self.authors.count + self.entries.count)
        head.write(self.firstTime)
        head.write(self.authors)
        self.entries.bytes.withUnsafeBytes { head.append(raw: $0) }
        return head.bytes
    }
    var bodyBytes: [UInt8] { self.body.bytes }
    var hasMessages: Bool { !self.authors.isEmpty }
    var next: UInt64 { self.first + UInt64(self.count) }

    /// Whether the channel's event with this seq goes on in this run.
    func takes(_ seq: UInt64) -> Bool {
        self.count > 0 && self.count < Self.countMax && seq == self.next && self.body.count < Self.bytesMax
    }

    /// - Parameter body: its author and body, in their binary forms.
    /// - Precondition: the run is empty or `takes` the event.
    mutating func append(
        _ seq: UInt64, _ mark: MessageIndex.Mark, _ key: StoredKey?, body: UnsafeRawBufferPointer
    ) {
        self.enter(seq, mark, key)
        self.body.append(raw: body)
    }

    /// The same, of what a queue of rows holds.
    mutating func append(_ head: QueuedRows.Head, of rows: QueuedRows) {
        self.enter(head.seq, head.mark, head.key)
        rows.withBytes(of: head) { parts in
            if let author = parts.author { QueuedRows.begin(author, &self.body) }
            self.body.append(raw: parts.bytes)
        }
    }

    private mutating func enter(_ seq: UInt64, _ mark: MessageIndex.Mark, _ key: StoredKey?) {
        precondition(self.count == 0 || self.takes(seq), "event \(seq) in a run up to \(self.next)")
        let time = mark.at.milliseconds
        if self.count == 0 {
            self.first = seq
            self.firstTime = time
            self.lastTime = time
        }
        let special =
            (mark.root == nil ? 0 : Bit.reply) | (mark.isBroadcast ? Bit.broadcast : 0)
            | (mark.mentions ? Bit.mentions : 0)
        let flags: Int64 = (special == 0 ? 0 : 4) | (mark.author == nil ? 0 : 2) | (key == nil ? 0 : 1)
        // Times never fall along a channel; one that did would cost bytes, not correctness.
        self.entries.writeVariable(UInt64(bitPattern: (time &- self.lastTime) << 3 | flags))
        if let author = mark.author { self.entries.writeVariable(UInt64(self.place(of: author))) }
        if special != 0 { self.entries.write(special) }
        if let root = mark.root { self.entries.writeVariable(seq &- root) }
        if let key {
            self.entries.write(key.high)
            self.entries.write(key.low)
            self.entries.write(key.fingerprint)
        }
        self.lastTime = time
        self.count += 1
    }

    private enum Bit {
        static let reply: UInt8 = 1
        static let broadcast: UInt8 = 2
        static let mentions: UInt8 = 4
    }

    /// Few people write within one run: looking through them costs less than a table.
    private mutating func place(of author: UserID) -> Int {
        if let place = self.authors.firstIndex(of: author) { return place }
        self.authors.append(author)
        return self.authors.count - 1
    }

    mutating func removeAll() {
        self.count = 0
        self.authors.removeAll(keepingCapacity: true)
        self.entries.removeAll()
        self.body.removeAll()
    }

    // MARK: Back again

    /// What the head says of one event.
    struct Entry {
        let mark: MessageIndex.Mark
        let key: StoredKey?
    }

    /// - Parameter count: as the row says; more than `countMax` is no run.
    static func entries(_ head: [UInt8], first: UInt64, count: Int64) throws(WireError) -> [Entry] {
        guard count > 0, count <= Int64(Self.countMax) else { throw .invalid("EventRun.count") }
        var reader = ByteReader(head)
        var time: Int64 = try reader.read()
        let authors: [UserID] = try reader.readArray(bytesEach: 16)
        var entries: [Entry] = []
        entries.reserveCapacity(Int(count))
        for place in 0..<UInt64(count) {
            let word = Int64(bitPattern: try reader.readVariable())
            time = time &+ (word >> 3)
            var author: UserID?
            if word & 2 == 2 {
                let place = try reader.readVariable()
                guard place < UInt64(authors.count) else { throw .invalid("EventRun.author") }
                author = authors[Int(place)]
            }
            let special = word & 4 == 4 ? try reader.read(UInt8.self) : 0
            let root = special & Bit.reply == 0 ? nil : first &+ place &- (try reader.readVariable())
            var key: StoredKey?
            if word & 1 == 1 {
                key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
            }
            entries.append(
                Entry(
                    mark: MessageIndex.Mark(
                        author: author, at: Timestamp(milliseconds: time), root: root,
                        isBroadcast: special & Bit.broadcast != 0, mentions: special & Bit.mentions != 0),
                    key: key))
        }
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return entries
    }

    static func events(
        _ channel: ChannelID, first: UInt64, count: Int64, head: [UInt8], body: [UInt8]
    ) throws(WireError) -> [DurableEvent] {
        let entries = try Self.entries(head, first: first, count: count)
        var reader = ByteReader(body)
        var events: [DurableEvent] = []
        events.reserveCapacity(entries.count)
        for (place, entry) in entries.enumerated() {
            events.append(
                DurableEvent(
                    channel: channel, seq: first + UInt64(place), at: entry.mark.at, actor: try reader.read(),
                    body: try reader.read()))
        }
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return events
    }
}
