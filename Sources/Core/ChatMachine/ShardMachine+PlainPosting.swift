import ChatModel
import ClusterModel

// The hot path: a plain message from the log's bytes, without a value in between.

/// What a `LoggedPost` has become: its row, but for the bytes, which are the command's.
package struct PlainMessage: Sendable {
    package let seq: UInt64
    package let mark: MessageIndex.Mark
    package let key: StoredKey?

    package init(seq: UInt64, mark: MessageIndex.Mark, key: StoredKey?) {
        self.seq = seq
        self.mark = mark
        self.key = key
    }
}

/// A `LoggedPost` with its key as it is remembered.
package struct ReadPost: Sendable {
    package let post: LoggedPost
    package let key: StoredKey?

    /// - Parameter bytes: those that `post` was read from.
    package init(_ post: LoggedPost, of bytes: [UInt8]) {
        self.post = post
        self.key = post.storedKey(of: bytes)
    }
}

extension ShardMachine {
    /// Decides a post of which nothing follows but its event, exactly as `apply(_:at:into:)` would: the same state and
    /// the same hash. Rows of the log's time go into `effects`; the message's own row and event do not.
    ///
    /// - Parameter bytes: those that `post` was read from, an entry's.
    /// - Returns: nil, with nothing changed, for a post that is refused, repeated, or has more to it; decode it and
    ///   apply it.
    package mutating func apply(
        _ post: LoggedPost, of bytes: [UInt8], at index: LogIndex, into effects: inout ApplyEffects
    ) -> PlainMessage? {
        self.apply(ReadPost(post, of: bytes), of: bytes, at: index, into: &effects)
    }

    /// The same of a post whose key has been looked at already.
    package mutating func apply(
        _ read: ReadPost, of bytes: [UInt8], at index: LogIndex, into effects: inout ApplyEffects
    ) -> PlainMessage? {
        let post = read.post
        guard !self.followsDictionaryOrder, let place = self.channels.index(forKey: post.channel),
            self.channels.values[place].takesPlain(by: post.actor.user)
        else { return nil }
        let key = read.key
        // A key whose day is over with this very entry is looked at again when its time has come.
        if let key, self.messageKeys[key] != nil { return nil }
        self.enter(index)
        self.advanceClock(to: post.at, &effects)
        let at = self.clock
        let mark = MessageIndex.Mark(author: post.actor.user, at: at, root: nil)
        let id = self.channels.values[place].takeNumber()
        self.note(mark, in: place)
        self.stateHash = post.hash(after: self.stateHash, id, at, key, of: bytes)
        if let key { self.messageKeys.insert(key, seq: id.seq, at: at) }
        return PlainMessage(seq: id.seq, mark: mark, key: key)
    }
}

extension ShardMachine {
    /// Brings near what these posts will be decided on, all together: far fewer waits than one after the other. Changes
    /// nothing.
    package mutating func prefetch(_ posts: [ReadPost?]) {
        withUnsafeTemporaryAllocation(of: ChannelPlace.self, capacity: posts.count) { places in
            var count = 0
            for case let read? in posts {
                if let key = read.key { self.messageKeys.prefetch(key) }
                guard let place = self.channels.index(forKey: read.post.channel) else { continue }
                places.initializeElement(at: count, to: place)
                count += 1
                withUnsafePointer(to: &self.channels.values[place]) { Prefetch.value($0) }
            }
            for number in 0..<count { self.channels.values[places[number]].prefetchParts() }
            for number in 0..<count { self.channels.values[places[number]].prefetchWords() }
            places[..<count].deinitialize()
        }
    }
}

extension ChannelEntry {
    /// What its arrays hold. Mutating, as all of these: only what may be changed has an address without a copy.
    fileprivate mutating func prefetchParts() {
        withUnsafePointer(to: &self.members) { Prefetch.array($0, at: 0) }
        self.index.prefetchBlocks()
    }

    fileprivate mutating func prefetchWords() { self.index.prefetchWords() }

    /// Nothing follows from such a message but its event, and nothing refuses it. Mutating, so that the dictionary lends
    /// its entry.
    fileprivate mutating func takesPlain(by author: UserID) -> Bool {
        // Looks at parts: a method of the whole entry is handed a copy of its 312 bytes.
        !self.record.type.isForFew && self.record.archivedAt == nil && !self.isFull
            && self.members.place(of: author, by: \.user).isPresent
            // The author has read the channel with it.
            && self.content.mentions.isEmpty
    }
}
