import ChatMachine
import ChatModel
import ClusterModel

/// Neighbouring events of one channel as one row: a row of SQLite costs some microseconds whatever is in it, an
/// event in a blob some hundred nanoseconds.
///
/// A run holds what one transaction had of its channel, up to the bounds below, and is never changed but by erasing
/// and trimming: a quiet channel has runs of one event. Its head (times and idempotency keys) stands in a column before its body (authors and
/// contents), so that a start that looks for keys reads no text.
///
///     head: at of the first event i64, then for each event var (milliseconds since the one before << 1 | has key)
///           and, with a key, high u64, low u64, fingerprint u64
///     body: for each event actor and event body
struct EventRun {
    /// A reader of one event decodes at most this many, of about this many bytes.
    static let countMax = 64
    static let bytesMax = 32 << 10

    private(set) var first: UInt64 = 0
    private(set) var count = 0
    private var head = ByteWriter(reservingCapacity: 2_048)
    private var body = ByteWriter(reservingCapacity: 2 * Self.bytesMax)
    private var lastTime: Int64 = 0

    var headBytes: [UInt8] { self.head.bytes }
    var bodyBytes: [UInt8] { self.body.bytes }
    var next: UInt64 { self.first + UInt64(self.count) }

    /// Whether the channel's event with this seq goes on in this run.
    func takes(_ seq: UInt64) -> Bool {
        self.count > 0 && self.count < Self.countMax && seq == self.next && self.body.count < Self.bytesMax
    }

    /// - Parameter body: its author and body, in their binary forms.
    /// - Precondition: the run is empty or `takes` the event.
    mutating func append(_ seq: UInt64, at: Timestamp, _ key: StoredKey?, body: UnsafeRawBufferPointer) {
        precondition(self.count == 0 || self.takes(seq), "event \(seq) in a run up to \(self.next)")
        let time = at.milliseconds
        if self.count == 0 {
            self.first = seq
            self.lastTime = time
            self.head.write(time)
        }
        // Times never fall along a channel; one that did would cost bytes, not correctness.
        self.head.writeVariable(UInt64(bitPattern: (time &- self.lastTime) << 1 | (key == nil ? 0 : 1)))
        if let key {
            self.head.write(key.high)
            self.head.write(key.low)
            self.head.write(key.fingerprint)
        }
        self.lastTime = time
        self.body.append(raw: body)
        self.count += 1
    }

    mutating func removeAll() {
        self.count = 0
        self.head.removeAll()
        self.body.removeAll()
    }

    // MARK: Back again

    /// What the head says of one event.
    struct Mark {
        let at: Timestamp
        let key: StoredKey?
    }

    /// - Parameter count: as the row says; more than `countMax` is no run.
    static func marks(_ head: [UInt8], count: Int64) throws(WireError) -> [Mark] {
        guard count > 0, count <= Int64(Self.countMax) else { throw .invalid("EventRun.count") }
        var reader = ByteReader(head)
        var time: Int64 = try reader.read()
        var marks: [Mark] = []
        marks.reserveCapacity(Int(count))
        for _ in 0..<count {
            let word = Int64(bitPattern: try reader.readVariable())
            time = time &+ (word >> 1)
            var key: StoredKey?
            if word & 1 == 1 {
                key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
            }
            marks.append(Mark(at: Timestamp(milliseconds: time), key: key))
        }
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return marks
    }

    static func events(
        _ channel: ChannelID, first: UInt64, count: Int64, head: [UInt8], body: [UInt8]
    ) throws(WireError) -> [DurableEvent] {
        let marks = try Self.marks(head, count: count)
        var reader = ByteReader(body)
        var events: [DurableEvent] = []
        events.reserveCapacity(marks.count)
        for (place, mark) in marks.enumerated() {
            events.append(
                DurableEvent(
                    channel: channel, seq: first + UInt64(place), at: mark.at, actor: try reader.read(),
                    body: try reader.read()))
        }
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return events
    }
}
