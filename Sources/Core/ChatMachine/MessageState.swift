import ChatModel
import ClusterModel

/// What became of a channel's messages after they were posted: sparse, for those that somebody touched.
///
/// Every part stands in records of its own; the texts are on disk only.
struct ChannelContent: Sendable, Equatable {
    /// By the message's seq.
    private(set) var states: [UInt64: MessageStateRecord] = [:]
    /// Pinned messages, and the last event that pinned each: what follows from the states.
    private var pinSeqs: [UInt64: UInt64] = [:]
    var reactions: [UInt64: MessageReactions] = [:]
    /// By the root's seq.
    var threads: [UInt64: ThreadSummary] = [:]
    /// By the root's seq, sorted by user.
    private(set) var follows: [UInt64: [ThreadFollow]] = [:]
    /// The roots of `follows`, ascending, by user: what follows from them.
    private var followed: [UserID: [UInt64]] = [:]
    /// Unread messages that name a member, ascending; nobody stands here with none.
    var mentions: [UserID: [UInt64]] = [:]
    /// Authors who are being erased, and how far that has come.
    var redactions: [UserID: RedactionProgress] = [:]

    mutating func set(_ state: MessageStateRecord, of seq: UInt64) {
        self.states[seq] = state
        self.pinSeqs[seq] = state.pinnedAt == nil ? nil : state.pins.last ?? 0
    }

    var pinCount: Int { self.pinSeqs.count }

    /// Pinned messages, the last pinned first.
    var pins: [UInt64] {
        self.pinSeqs.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.map(\.key)
    }

    func follow(_ user: UserID, of root: UInt64) -> ThreadFollow? {
        guard let follows = self.follows[root] else { return nil }
        let (place, isPresent) = follows.place(of: user, by: \.user)
        return isPresent ? follows[place] : nil
    }

    mutating func set(_ follow: ThreadFollow, of root: UInt64) {
        var follows = self.follows.removeValue(forKey: root) ?? []
        let (place, isPresent) = follows.place(of: follow.user, by: \.user)
        if isPresent { follows[place] = follow } else { follows.insert(follow, at: place) }
        self.follows[root] = follows
        guard !isPresent else { return }
        var roots = self.followed.removeValue(forKey: follow.user) ?? []
        roots.insert(root, at: roots.place(of: root, by: \.self).index)
        self.followed[follow.user] = roots
    }

    mutating func removeFollow(of user: UserID, of root: UInt64) {
        guard var follows = self.follows.removeValue(forKey: root) else { return }
        let (place, isPresent) = follows.place(of: user, by: \.user)
        if isPresent { follows.remove(at: place) }
        if !follows.isEmpty { self.follows[root] = follows }
        guard isPresent, var roots = self.followed.removeValue(forKey: user) else { return }
        roots.remove(at: roots.place(of: root, by: \.self).index)
        if !roots.isEmpty { self.followed[user] = roots }
    }

    /// How many people have a place in the thread, following it or not any more.
    func followers(of root: UInt64) -> Int { self.follows[root]?.count ?? 0 }
    /// The threads in which `user` has a place, ascending.
    func roots(followedBy user: UserID) -> [UInt64] { self.followed[user] ?? [] }

    /// The thread that `user` loses now that there is one too many: whose last reply is the oldest, but for `root`.
    func quietest(of user: UserID, but root: UInt64) -> UInt64? {
        guard let roots = self.followed[user], roots.count > ShardMachine.followedMax else { return nil }
        func last(_ root: UInt64) -> Timestamp { self.threads[root]?.lastReplyAt ?? .zero }
        return roots.lazy.filter { $0 != root }.min { (last($0), $0) < (last($1), $1) }
    }

    /// Forgets what is known of messages through `seq`; their mentions are records that somebody has to delete.
    mutating func trim(through seq: UInt64) {
        guard !self.states.isEmpty || !self.reactions.isEmpty || !self.threads.isEmpty || !self.follows.isEmpty
        else { return }
        self.states = self.states.filter { $0.key > seq }
        self.pinSeqs = self.pinSeqs.filter { $0.key > seq }
        self.reactions = self.reactions.filter { $0.key > seq }
        self.threads = self.threads.filter { $0.key > seq }
        self.follows = self.follows.filter { $0.key > seq }
        for user in Array(self.followed.keys) {
            guard let roots = self.followed[user], let first = roots.first, first <= seq else { continue }
            let left = Array(roots.drop { $0 <= seq })
            self.followed[user] = left.isEmpty ? nil : left
        }
    }
}

/// Whether a member hears of a thread's replies, and how far it has read them.
struct ThreadFollow: Sendable, Hashable {
    let user: UserID
    var isFollowing: Bool
    /// Own replies count as read without moving it.
    var readSeq: UInt64

    var recordValue: [UInt8] {
        var writer = ByteWriter()
        writer.write(self.isFollowing)
        writer.writeVariable(self.readSeq)
        return writer.bytes
    }
}

/// Who reacted to a message. Emoji are compared by their bytes: what Unicode finds equal changes between builds.
struct MessageReactions: Sendable, Equatable {
    struct Entry: Sendable, Hashable {
        /// Of the event that added it.
        let seq: UInt64
        let user: UserID
    }
    struct Group: Sendable, Hashable {
        let emoji: String
        /// Of the event that began it. A group keeps its place while anyone is in it, also when who began it leaves:
        /// what people see does not jump, and a client that only appends and removes has the same order.
        let since: UInt64
        /// By seq; never empty.
        var entries: [Entry]
    }

    /// By `since`.
    private(set) var groups: [Group] = []

    var isEmpty: Bool { self.groups.isEmpty }
    var count: Int { self.groups.reduce(0) { $0 + $1.entries.count } }

    private func place(of emoji: String) -> Int? {
        self.groups.firstIndex { $0.emoji.utf8.elementsEqual(emoji.utf8) }
    }
    func contains(_ emoji: String) -> Bool { self.place(of: emoji) != nil }
    func contains(_ emoji: String, by user: UserID) -> Bool {
        self.place(of: emoji).map { self.groups[$0].entries.contains { $0.user == user } } ?? false
    }

    /// When the group of `emoji` began; nil when nobody is in it.
    func since(_ emoji: String) -> UInt64? { self.place(of: emoji).map { self.groups[$0].since } }

    /// In any order; the same user's second one is dropped.
    ///
    /// - Parameter since: when the group began: the same for all of its entries.
    mutating func insert(_ emoji: String, _ entry: Entry, since: UInt64) {
        if let place = self.place(of: emoji) {
            guard !self.groups[place].entries.contains(where: { $0.user == entry.user }) else { return }
            let (slot, _) = self.groups[place].entries.place(of: entry.seq, by: \.seq)
            self.groups[place].entries.insert(entry, at: slot)
        } else {
            // No two events have one seq, so this order is the only one.
            let (slot, _) = self.groups.place(of: since, by: \.since)
            self.groups.insert(Group(emoji: emoji, since: since, entries: [entry]), at: slot)
        }
    }

    mutating func remove(_ emoji: String, by user: UserID) {
        guard let place = self.place(of: emoji) else { return }
        self.groups[place].entries.removeAll { $0.user == user }
        if self.groups[place].entries.isEmpty { self.groups.remove(at: place) }
    }

    /// - Parameter usersMax: how many people each group names; it counts all.
    func views(usersMax: Int) -> [ReactionGroup] {
        self.groups.map { group in
            ReactionGroup(
                emoji: group.emoji, count: UInt32(clamping: group.entries.count),
                users: group.entries.prefix(usersMax).map(\.user))
        }
    }
}

/// Keys of a channel's records about messages.
enum MessageRecordKey {
    static func of(_ channel: ChannelID, _ seq: UInt64) -> [UInt8] {
        ItemKey.of(MessageID(channel: channel, seq: seq))
    }
    static func of(_ channel: ChannelID, _ seq: UInt64, _ user: UserID) -> [UInt8] {
        Self.of(channel, seq) + RecordKey.of(user)
    }
    static func of(_ channel: ChannelID, _ seq: UInt64, _ user: UserID, emoji: String) -> [UInt8] {
        Self.of(channel, seq, user) + Array(emoji.utf8)
    }
    static func mention(_ channel: ChannelID, _ user: UserID, _ seq: UInt64) -> [UInt8] {
        RecordKey.of(channel, user) + ItemKey.of(seq)
    }

    /// The seq of a key at `offset`; nil for 0, which no event has, and for a key that is too short.
    static func seq(_ key: [UInt8], at offset: Int) -> UInt64? {
        guard key.count >= offset + 8 else { return nil }
        let seq = key[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
        return seq > 0 ? seq : nil
    }
}

extension ShardMachine {
    /// What follows from all records and runs of messages together, once they have been restored. Twice is as once.
    mutating func finishMessageState() {
        for channel in self.channels.keys.sorted() {
            guard let index = self.channels.index(forKey: channel) else { continue }
            let states = self.channels.values[index].content.states
            for (seq, state) in states.sorted(by: { $0.key < $1.key }) {
                if state.deletedAt != nil {
                    self.channels.values[index].index.setDeleted(seq)
                    self.channels.values[index].index.forgetAddressees(seq)
                }
                if let isBroadcast = state.isBroadcast {
                    self.channels.values[index].index.setBroadcast(seq, isBroadcast)
                }
            }
            for (user, _) in self.channels.values[index].content.redactions.sorted(by: { $0.key < $1.key }) {
                self.timers.insert(.redaction, RecordKey.of(channel, user), due: .zero)
            }
        }
    }

    /// - Returns: false for a key that does not fit its kind, or whose channel is not there.
    mutating func restoreMessageState(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        guard let channel: ChannelID = RecordKey.id(key), let index = self.channels.index(forKey: channel) else {
            return false
        }
        switch kind {
        case .messageState:
            guard key.count == 24, let seq = MessageRecordKey.seq(key, at: 16) else { return false }
            self.channels.values[index].content.set(try MessageStateRecord(encoded: value), of: seq)
        case .reaction:
            guard let seq = MessageRecordKey.seq(key, at: 16), let user: UserID = RecordKey.id(key, at: 24),
                let emoji = String(validating: key.dropFirst(40), as: UTF8.self)
            else { return false }
            var reader = ByteReader(value)
            let entry = MessageReactions.Entry(seq: try reader.readVariable(), user: user)
            let since = try reader.readVariable()
            guard reader.isAtEnd else { return false }
            self.channels.values[index].content.reactions[seq, default: MessageReactions()].insert(
                emoji, entry, since: since)
        case .thread:
            guard key.count == 24, let root = MessageRecordKey.seq(key, at: 16) else { return false }
            self.channels.values[index].content.threads[root] = try ThreadSummary(root: root, recordValue: value)
        case .follow:
            guard key.count == 40, let root = MessageRecordKey.seq(key, at: 16),
                let user: UserID = RecordKey.id(key, at: 24)
            else { return false }
            var reader = ByteReader(value)
            let follow = ThreadFollow(user: user, isFollowing: try reader.read(), readSeq: try reader.readVariable())
            guard reader.isAtEnd else { return false }
            self.channels.values[index].content.set(follow, of: root)
        case .mention:
            guard key.count == 40, value.isEmpty, let user: UserID = RecordKey.id(key, at: 16),
                let seq = MessageRecordKey.seq(key, at: 32)
            else { return false }
            // Keys come in their order, so these are ascending.
            self.channels.values[index].content.mentions[user, default: []].append(seq)
        case .redaction:
            guard key.count == 32, let user: UserID = RecordKey.id(key, at: 16) else { return false }
            self.channels.values[index].content.redactions[user] = try RedactionProgress(encoded: value)
        default: return false
        }
        return true
    }
}
