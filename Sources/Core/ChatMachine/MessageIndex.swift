import ChatModel
import ClusterModel

/// What the machine knows of every event of a channel above its floor, in 8 bytes each. The texts are on disk only.
///
/// A word has the author's number (28 bits, 0: no message), four flags and the milliseconds since the first event
/// of its block of 256; a block that spans more than 49 days keeps whole times beside. A block counts its live
/// messages, so that what is unread is counted by blocks. Replies cost 12 bytes more, a broadcast 4.
///
/// Two indices are equal by their marks: authors' numbers and the blocks' first times may differ between one that
/// ran on and one that was restored.
package struct MessageIndex: Sendable {
    /// One event.
    package struct Mark: Hashable, Sendable {
        /// nil for an event that is no message.
        package let author: UserID?
        package let at: Timestamp
        /// Of the thread that it answers.
        package let root: UInt64?
        package var isDeleted: Bool
        package var isBroadcast: Bool
        package var mentions: Bool

        package init(
            author: UserID?, at: Timestamp, root: UInt64?, isDeleted: Bool = false, isBroadcast: Bool = false,
            mentions: Bool = false
        ) {
            self.author = author
            self.at = at
            self.root = root
            self.isDeleted = isDeleted
            self.isBroadcast = isBroadcast
            self.mentions = mentions
        }

        /// As the event's own row tells it: what became of the message since is told by records.
        package init(_ event: DurableEvent) {
            guard case .messageCreated(let content) = event.body else {
                self.init(author: nil, at: event.at, root: nil)
                return
            }
            self.init(
                author: event.actor, at: event.at, root: content.thread?.seq,
                isBroadcast: content.broadcast == .channel, mentions: !content.mentions.isEmpty)
        }
    }

    /// Nothing is known of events at or below it; they have been trimmed.
    package private(set) var floor: UInt64
    /// The last event; equal to the floor when there is none above it.
    package private(set) var head: UInt64

    /// Of neighbouring numbers; the first is that of the first event above the floor.
    private var blocks: [IndexBlock] = []
    /// The number of the first block: seq 1 is in block 0.
    private var firstBlock: UInt64
    private var authors = AuthorTable()
    /// Of messages with the flag, deleted ones too, ascending.
    private var broadcastSeqs: [UInt32] = []
    private var threads = ReplyTable()

    /// A channel whose next event is the one above `floor`.
    package init(floor: UInt64 = 0) {
        self.floor = floor
        self.head = floor
        self.firstBlock = floor / IndexBlock.length
    }

    /// True before the first mark.
    package var isEmpty: Bool { self.head == self.floor }
}

extension MessageIndex {
    // Three steps to what `append` will touch; each looks at what the one before has asked for.

    mutating func prefetchBlocks() {
        guard !self.isEmpty else { return }
        // Which block is the last follows from the numbers too.
        let last = Int((self.head - 1) / IndexBlock.length - self.firstBlock)
        withUnsafePointer(to: &self.blocks) { Prefetch.array($0, at: last) }
        self.authors.prefetch()
    }

    mutating func prefetchWords() {
        // Where the last word of 256 is follows from the number, without a look at the array.
        guard !self.blocks.isEmpty else { return }
        self.blocks[self.blocks.count - 1].prefetch(Int(self.head % IndexBlock.length))
    }

    /// The mark of the next seq.
    package mutating func append(_ mark: Mark) {
        let seq = self.head + 1
        self.head = seq
        let place = Int((seq - 1) % IndexBlock.length)
        if self.blocks.isEmpty || place == 0 {
            self.blocks.append(IndexBlock(startingAt: mark.at, padding: self.blocks.isEmpty ? place : 0))
        }
        var word = IndexWord()
        if let author = mark.author {
            word = IndexWord(author: self.authors.number(of: author, posting: seq))
            word.set(.deleted, mark.isDeleted)
            word.set(.mentions, mark.mentions)
            if mark.isBroadcast {
                word.set(.broadcast, true)
                self.broadcastSeqs.append(UInt32(truncatingIfNeeded: seq))
            }
            // Roots come before their replies; anything else is from no log of ours and is no thread.
            if let root = mark.root, root > 0, root < seq {
                word.set(.reply, true)
                self.threads.add(UInt32(truncatingIfNeeded: seq), to: UInt32(truncatingIfNeeded: root))
            }
        }
        self.blocks[self.blocks.count - 1].append(word, at: mark.at)
    }

    /// nil at or below the floor and above the head.
    package subscript(seq: UInt64) -> Mark? {
        guard let word = self.word(seq), let at = self.time(seq) else { return nil }
        guard let author = self.authors[word.author] else { return Mark(author: nil, at: at, root: nil) }
        return Mark(
            author: author, at: at,
            root: word.has(.reply) ? self.threads.root(of: UInt32(truncatingIfNeeded: seq)).map(UInt64.init) : nil,
            isDeleted: word.has(.deleted), isBroadcast: word.has(.broadcast), mentions: word.has(.mentions))
    }

    /// True for a message, deleted or not.
    package func isMessage(_ seq: UInt64) -> Bool { self.word(seq)?.isMessage == true }

    /// A message is a tombstone from now on; nothing for what is none.
    package mutating func setDeleted(_ seq: UInt64) {
        guard let word = self.word(seq), word.isLive else { return }
        let (block, place) = self.position(seq)
        self.blocks[block].words[place].set(.deleted, true)
        self.blocks[block].live -= 1
    }

    /// An erased message names nobody any more.
    package mutating func forgetAddressees(_ seq: UInt64) {
        self.setBroadcast(seq, false)
        guard let word = self.word(seq), word.has(.mentions) else { return }
        let (block, place) = self.position(seq)
        self.blocks[block].words[place].set(.mentions, false)
    }

    package mutating func setBroadcast(_ seq: UInt64, _ on: Bool) {
        guard let word = self.word(seq), word.isMessage, word.has(.broadcast) != on else { return }
        let (block, place) = self.position(seq)
        self.blocks[block].words[place].set(.broadcast, on)
        let short = UInt32(truncatingIfNeeded: seq)
        let (index, isPresent) = self.broadcastSeqs.place(of: short, by: \.self)
        if on, !isPresent { self.broadcastSeqs.insert(short, at: index) }
        if !on, isPresent { self.broadcastSeqs.remove(at: index) }
    }

    /// Forgets the events through `seq`, at most all.
    package mutating func trim(through seq: UInt64) {
        guard seq > self.floor else { return }
        self.floor = min(seq, self.head)
        let kept = self.floor / IndexBlock.length
        if kept > self.firstBlock {
            self.blocks.removeFirst(min(Int(kept - self.firstBlock), self.blocks.count))
            self.firstBlock = kept
        }
        if let first = self.blocks.first {
            let from = Int(self.floor % IndexBlock.length)
            self.blocks[0].live = UInt16(first.words.dropFirst(from).count { $0.isLive })
        }
        let short = UInt32(truncatingIfNeeded: self.floor)
        self.broadcastSeqs.removeFirst(self.broadcastSeqs.place(of: short + 1, by: \.self).index)
        self.threads.trim(through: short)
    }
}

extension MessageIndex {
    /// Live messages after `seq`, of all authors. O(256 + Δ / 256).
    package func messages(after seq: UInt64) -> UInt32 {
        let seq = max(seq, self.floor)
        guard seq < self.head else { return 0 }
        let (block, place) = self.position(seq + 1)
        var count = UInt32(self.blocks[block].words[place...].count { $0.isLive })
        for later in self.blocks[(block + 1)...] { count += UInt32(later.live) }
        return count
    }

    /// Live messages after `seq` that mention everybody, but for one author's, ascending.
    package func broadcasts(after seq: UInt64, notBy author: UserID) -> [UInt64] {
        guard seq < self.head else { return [] }
        let number = self.authors.number(of: author)
        let start = self.broadcastSeqs.place(of: UInt32(truncatingIfNeeded: seq) + 1, by: \.self).index
        return self.broadcastSeqs[start...].compactMap { short in
            guard let word = self.word(UInt64(short)), word.isLive, word.author != number else { return nil }
            return UInt64(short)
        }
    }

    /// The last message that somebody wrote above the floor, deleted or not.
    package func lastMessage(by author: UserID) -> UInt64? {
        self.authors.lastSeq(of: author).flatMap { $0 > self.floor ? $0 : nil }
    }

    /// Whether a live message may be here by this author and in this time, both excluded. O(Δ / 256): a few words of each
    /// block are looked at, and some messages are suspected that are not there.
    package func mayHaveMessage(by author: UserID?, after: Timestamp?, before: Timestamp?) -> Bool {
        guard !self.isEmpty else { return false }
        if let author, self.lastMessage(by: author) == nil { return false }
        if let after, let newest = self.time(self.head), newest <= after { return false }
        if let before, let oldest = self.time(self.floor + 1), oldest >= before { return false }
        return self.blocks.contains { $0.live > 0 }
    }

    /// The first event at or after `time`; that after the head when there is none.
    package func firstSeq(since time: Timestamp) -> UInt64 {
        var low = self.floor + 1
        var high = self.head + 1
        while low < high {
            let middle = low + (high - low) / 2
            if let at = self.time(middle), at < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Live messages of one author after `seq` and through `end`, ascending. O(`examining`).
    ///
    /// - Parameter examining: how many events are looked at, at most.
    /// - Returns: at most `limit` of them, and through where there are no others: `end` when that is all.
    package func seqs(
        by author: UserID, after seq: UInt64, through end: UInt64, limit: Int, examining: UInt64
    ) -> (seqs: [UInt64], reached: UInt64) {
        guard let number = self.authors.number(of: author), let last = self.lastMessage(by: author) else {
            return ([], end)
        }
        let stop = min(last, end)
        var found: [UInt64] = []
        var next = max(seq, self.floor)
        var left = examining
        while next < stop, found.count < limit, left > 0 {
            next += 1
            left -= 1
            if let word = self.word(next), word.isLive, word.author == number { found.append(next) }
        }
        return (found, next < stop ? next : end)
    }

    /// The newest reply of a thread that is no tombstone. Walks over the tombstones behind it.
    package func lastLiveReply(to root: UInt64) -> UInt64? {
        guard root <= UInt64(UInt32.max) else { return nil }
        return self.threads.last(to: UInt32(root)) { self.word(UInt64($0))?.isLive == true }.map(UInt64.init)
    }

    /// The replies of a thread above the floor, deleted ones too, ascending. Its root may have been trimmed.
    package func replies(to root: UInt64) -> [UInt64] {
        guard root <= UInt64(UInt32.max) else { return [] }
        return self.threads.replies(to: UInt32(root)).map(UInt64.init)
    }

    /// Where `seq` stands; it is above the floor and at most the head.
    private func position(_ seq: UInt64) -> (block: Int, place: Int) {
        (Int((seq - 1) / IndexBlock.length - self.firstBlock), Int((seq - 1) % IndexBlock.length))
    }

    private func word(_ seq: UInt64) -> IndexWord? {
        guard seq > self.floor, seq <= self.head else { return nil }
        let (block, place) = self.position(seq)
        return self.blocks[block].words[place]
    }

    private func time(_ seq: UInt64) -> Timestamp? {
        guard seq > self.floor, seq <= self.head else { return nil }
        let (block, place) = self.position(seq)
        return self.blocks[block].time(place)
    }
}

extension MessageIndex: Equatable {
    package static func == (left: MessageIndex, right: MessageIndex) -> Bool {
        guard left.floor == right.floor, left.head == right.head else { return false }
        var seq = left.floor
        while seq < left.head {
            seq += 1
            guard left[seq] == right[seq] else { return false }
        }
        return true
    }
}
