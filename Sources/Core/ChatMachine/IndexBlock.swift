import ChatModel
import ClusterModel

/// One event in a `MessageIndex`: bits 0–27 the author's number, 28–31 flags, 32–63 milliseconds since the block's first.
struct IndexWord: Sendable {
    enum Flag: UInt64 {
        case deleted = 0x1000_0000
        case broadcast = 0x2000_0000
        case mentions = 0x4000_0000
        case reply = 0x8000_0000
    }

    private static let authorMask: UInt64 = 0x0FFF_FFFF
    private var bits: UInt64 = 0

    /// An event that is no message.
    init() {}

    init(author: UInt32) { self.bits = UInt64(author) & Self.authorMask }

    /// 0 for an event that is no message.
    var author: UInt32 { UInt32(truncatingIfNeeded: self.bits & Self.authorMask) }
    var isMessage: Bool { self.author != 0 }
    var isLive: Bool { self.isMessage && !self.has(.deleted) }

    func has(_ flag: Flag) -> Bool { self.bits & flag.rawValue != 0 }

    mutating func set(_ flag: Flag, _ on: Bool) {
        if on { self.bits |= flag.rawValue } else { self.bits &= ~flag.rawValue }
    }

    var milliseconds: UInt32 {
        get { UInt32(truncatingIfNeeded: self.bits >> 32) }
        set { self.bits = self.bits & 0xFFFF_FFFF | UInt64(newValue) << 32 }
    }
}

/// Up to 256 neighbouring events of a `MessageIndex`; the first has a seq of 256 · n + 1.
struct IndexBlock: Sendable {
    static let length: UInt64 = 256

    private let start: Timestamp
    var words: [IndexWord]
    /// Live messages above the index's floor.
    var live: UInt16 = 0
    /// Whole times, once one of them did not fit into its word.
    private var times: [Timestamp] = []

    /// - Parameter padding: places below the floor, of which nothing is known.
    init(startingAt start: Timestamp, padding: Int) {
        self.start = start
        self.words = Array(repeating: IndexWord(), count: padding)
    }

    mutating func append(_ word: IndexWord, at time: Timestamp) {
        var word = word
        let (past, overflows) = time.milliseconds.subtractingReportingOverflow(self.start.milliseconds)
        if self.times.isEmpty, !overflows, let short = UInt32(exactly: past) {
            word.milliseconds = short
        } else {
            if self.times.isEmpty { self.times = self.words.indices.map { self.time($0) } }
            self.times.append(time)
        }
        self.words.append(word)
        if word.isLive { self.live += 1 }
    }

    /// What `append` at this place will touch.
    mutating func prefetch(_ place: Int) { withUnsafePointer(to: &self.words) { Prefetch.array($0, at: place) } }

    func time(_ place: Int) -> Timestamp {
        guard self.times.isEmpty || place >= self.times.count else { return self.times[place] }
        return self.start.advanced(byMilliseconds: Int64(self.words[place].milliseconds))
    }

}

/// The authors of one channel's messages, by numbers from 1 in the order of their first one.
struct AuthorTable: Sendable {
    private var numbers: [UserID: UInt32] = [:]
    private var entries: [(author: UserID, lastSeq: UInt64)] = []
    /// Of the last message's author; 0 before the first.
    private var lastNumber: UInt32 = 0

    /// nil for 0 and numbers that nobody has.
    subscript(number: UInt32) -> UserID? {
        number > 0 && number <= self.entries.count ? self.entries[Int(number) - 1].author : nil
    }

    func number(of author: UserID) -> UInt32? { self.numbers[author] }
    func lastSeq(of author: UserID) -> UInt64? { self.numbers[author].map { self.entries[Int($0) - 1].lastSeq } }

    mutating func prefetch() {
        let last = max(Int(self.lastNumber) - 1, 0)
        withUnsafePointer(to: &self.entries) { Prefetch.array($0, at: last) }
    }

    /// A number for `author`, who writes `seq`.
    mutating func number(of author: UserID, posting seq: UInt64) -> UInt32 {
        // Who wrote last goes on, most often.
        if self.lastNumber > 0, self.entries[Int(self.lastNumber) - 1].author == author {
            self.entries[Int(self.lastNumber) - 1].lastSeq = seq
            return self.lastNumber
        }
        if let number = self.numbers[author] {
            self.entries[Int(number) - 1].lastSeq = seq
            self.lastNumber = number
            return number
        }
        self.entries.append((author, seq))
        // A channel with 2^28 authors would need 10 GB for this table alone.
        let number = UInt32(truncatingIfNeeded: self.entries.count)
        self.numbers[author] = number
        self.lastNumber = number
        return number
    }
}

/// Which messages answer which: both ways, ascending.
struct ReplyTable: Sendable {
    private var replySeqs: [UInt32] = []
    /// Of the reply at the same place.
    private var roots: [UInt32] = []
    private var byRoot: [UInt32: [UInt32]] = [:]

    mutating func add(_ reply: UInt32, to root: UInt32) {
        self.replySeqs.append(reply)
        self.roots.append(root)
        self.byRoot[root, default: []].append(reply)
    }

    func root(of reply: UInt32) -> UInt32? {
        let (place, isPresent) = self.replySeqs.place(of: reply, by: \.self)
        return isPresent ? self.roots[place] : nil
    }

    func replies(to root: UInt32) -> [UInt32] { self.byRoot[root] ?? [] }

    func last(to root: UInt32, where isWanted: (UInt32) -> Bool) -> UInt32? {
        self.byRoot[root]?.last(where: isWanted)
    }

    /// Forgets the replies through `seq`; later ones of a root that went stay.
    mutating func trim(through seq: UInt32) {
        let gone = self.replySeqs.place(of: seq + 1, by: \.self).index
        for place in 0..<gone {
            let root = self.roots[place]
            guard var replies = self.byRoot[root] else { continue }
            replies.removeFirst(replies.place(of: seq + 1, by: \.self).index)
            self.byRoot[root] = replies.isEmpty ? nil : replies
        }
        self.replySeqs.removeFirst(gone)
        self.roots.removeFirst(gone)
    }
}
