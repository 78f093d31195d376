import ClusterModel

/// What an inbox is counted by: the numbers given, those forgotten, and which of the rest are unread.
///
/// The entries themselves are on disk only. At most 1,000 are kept, so the unread ones are bits in a ring of 1,024;
/// an inbox that is read through holds no ring.
struct Inbox: Sendable, Equatable {
    static let entriesMax: UInt64 = 1000
    private static let words = 16

    /// The number of the next entry; the first has 1.
    private(set) var next: UInt64 = 1
    /// Entries at or below it are gone.
    private(set) var floor: UInt64 = 0
    private(set) var unread: UInt32 = 0
    /// Bit `number % 1024`; empty when nothing is unread.
    private var ring: [UInt64] = []

    init() {}

    /// True when entries with this number are kept.
    func holds(_ number: UInt64) -> Bool { number > self.floor && number < self.next }

    func isUnread(_ number: UInt64) -> Bool {
        guard self.holds(number), !self.ring.isEmpty else { return false }
        let (word, bit) = Self.place(of: number)
        return self.ring[word] & bit != 0
    }

    /// Numbers a new entry, which is unread.
    ///
    /// - Returns: its number, and that of the entry that made room for it.
    mutating func append() -> (number: UInt64, dropped: UInt64?) {
        let number = self.next
        var dropped: UInt64?
        if number - 1 - self.floor >= Self.entriesMax {
            self.floor += 1
            dropped = self.floor
            self.clear(self.floor)
        }
        self.next += 1
        if self.ring.isEmpty { self.ring = Array(repeating: 0, count: Self.words) }
        let (word, bit) = Self.place(of: number)
        self.ring[word] |= bit
        self.unread += 1
        return (number, dropped)
    }

    /// - Returns: false when there was nothing to read.
    mutating func read(_ number: UInt64) -> Bool {
        guard self.isUnread(number) else { return false }
        self.clear(number)
        return true
    }

    /// The unread entries up to and with `number`, oldest first.
    func unread(through number: UInt64) -> [UInt64] {
        guard !self.ring.isEmpty, number > self.floor else { return [] }
        return (self.floor + 1...min(number, self.next - 1)).filter(self.isUnread)
    }

    private mutating func clear(_ number: UInt64) {
        guard !self.ring.isEmpty else { return }
        let (word, bit) = Self.place(of: number)
        guard self.ring[word] & bit != 0 else { return }
        self.ring[word] &= ~bit
        self.unread -= 1
        if self.unread == 0 { self.ring = [] }
    }

    private static func place(of number: UInt64) -> (word: Int, bit: UInt64) {
        (Int(number / 64 % UInt64(Self.words)), 1 << (number % 64))
    }
}

extension Inbox: Wire {
    /// `next var · floor var · ring [u64]`, the ring of 16 words or none.
    func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.next)
        writer.writeVariable(self.floor)
        writer.writeCount(self.ring.count)
        for word in self.ring { writer.write(word) }
    }

    init(from reader: inout ByteReader) throws(WireError) {
        self.next = try reader.readVariable()
        self.floor = try reader.readVariable()
        // No log is so long that the numbers could run out.
        guard self.next < 1 << 62, self.next > self.floor, self.next - 1 - self.floor <= Self.entriesMax else {
            throw .invalid("inbox numbers")
        }
        let count = try reader.readCount(bytesEach: 8, max: Self.words)
        guard count == 0 || count == Self.words else { throw .invalid("inbox ring") }
        var bits = 0
        for _ in 0..<count {
            let word: UInt64 = try reader.read()
            bits += word.nonzeroBitCount
            self.ring.append(word)
        }
        self.unread = UInt32(bits)
        let kept = self.next == self.floor + 1 ? 0 : (self.floor + 1...self.next - 1).filter(self.isUnread).count
        guard kept == bits, count == 0 || bits > 0 else { throw .invalid("inbox ring") }
    }
}
