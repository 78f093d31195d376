import ChatModel
import ClusterModel

// Hashes over what the log decides: one to compare replicas with, one to remember idempotency keys by.

extension ContentHash {
    mutating func feed(_ id: some PrefixedID) {
        self.feed(id.high)
        self.feed(id.low)
    }
}

extension ContentHash {
    fileprivate mutating func feed(_ kind: EventKind, _ id: MessageID, _ at: Timestamp, by actor: UserID) {
        self.feed(UInt64(kind.rawValue) | 1 << 9)
        self.feed(id.channel)
        self.feed(id.seq)
        self.feed(UInt64(bitPattern: at.milliseconds))
        self.feed(actor)
    }

    fileprivate mutating func feed(_ key: StoredKey?) {
        self.feed(key?.high ?? 0)
        self.feed(key?.low ?? 0)
    }
}

extension LoggedPost {
    /// What `RowChange.event` of its message adds to the hash of the state before it.
    func hash(after before: UInt64, _ id: MessageID, _ at: Timestamp, _ key: StoredKey?, of bytes: [UInt8]) -> UInt64 {
        var hash = ContentHash(before)
        hash.feed(.messageCreated, id, at, by: self.actor.user)
        bytes.withUnsafeBytes { bytes in
            hash.feed(UnsafeRawBufferPointer(rebasing: bytes[self.text]))
            hash.feed(UnsafeRawBufferPointer(rebasing: bytes[self.clientID ?? 0..<0]))
        }
        hash.feed(0)
        hash.feed(key)
        return StableHash.mixed(hash.value)
    }

    /// As `IdempotencyKey.stored(in:)`.
    func storedKey(of bytes: [UInt8]) -> StoredKey? {
        guard let key = self.key else { return nil }
        return bytes.withUnsafeBytes {
            StoredKey(
                .messageKey, self.channel, nil, self.actor.user, UnsafeRawBufferPointer(rebasing: $0[key.text]),
                key.fingerprint)
        }
    }
}

extension RowChange {
    /// What this change adds to the hash of the state before it.
    func hash(after before: UInt64) -> UInt64 {
        var hash = ContentHash(before)
        switch self {
        case .put(let kind, let key, let value):
            hash.feed(UInt64(kind.rawValue))
            hash.feed(key)
            hash.feed(value)
        case .delete(let kind, let key):
            hash.feed(UInt64(kind.rawValue) | 1 << 8)
            hash.feed(key)
        case .event(let event, let key):
            hash.feed(event.body.kind, event.messageID, event.at, by: event.actor)
            switch event.body {
            case .messageCreated(let content) where content.isPlain:
                hash.feed(content.text)
                hash.feed(content.clientID ?? "")
                hash.feed(content.thread?.seq ?? 0)
            case .memberJoined(let user, let role), .memberLeft(let user, let role):
                hash.feed(user)
                hash.feed(UInt64(role.rawValue))
            case .messageCreated, .messageEdited, .messageDeleted, .reactionAdded, .reactionRemoved, .messagePinned,
                .messageUnpinned, .channelUpdated, .channelArchived, .channelUnarchived, .memberUpdated:
                hash.feed(event.body.encoded)
            }
            hash.feed(key)
        case .keep(let kind, let key, let value):
            hash.feed(UInt64(kind.rawValue) | 1 << 10)
            hash.feed(key)
            hash.feed(value)
        case .drop(let kind, let key):
            hash.feed(UInt64(kind.rawValue) | 1 << 11)
            hash.feed(key)
        case .erase(let channel, let seqs):
            hash.feed(UInt64(seqs.count) | 1 << 44)
            hash.feed(channel)
            for seq in seqs { hash.feed(seq) }
        case .trim(let channel, let through):
            hash.feed(1 << 45)
            hash.feed(channel)
            hash.feed(through)
        }
        return StableHash.mixed(hash.value)
    }
}

extension IdempotencyKey {
    /// The remembered form of a message's key: a user's key is its own in each channel.
    func stored(in channel: ChannelID) -> StoredKey { self.stored(.messageKey, channel) }
    /// The remembered form of another command's key: an edit and a post under one key are two things.
    func stored(as kind: CommandKind, in channel: ChannelID) -> StoredKey {
        guard kind != .postMessage, kind != .postRichMessage else { return self.stored(in: channel) }
        return self.stored(.commandKey, channel, kind)
    }
    /// The remembered form of a creation's key.
    func storedForCreation() -> StoredKey { self.stored(.creationKey, ChannelID(high: 0, low: 0)) }
    /// The remembered form of a request's key: the gateway keeps the answers of requests that are no one command.
    func storedForRequest() -> StoredKey { self.stored(.requestKey, ChannelID(high: 0, low: 0)) }

    private func stored(_ scope: ContentHash.Scope, _ channel: ChannelID, _ kind: CommandKind? = nil) -> StoredKey {
        var key = self.key
        return key.withUTF8 {
            StoredKey(scope, channel, kind, self.user, UnsafeRawBufferPointer($0), self.fingerprint)
        }
    }
}

extension StoredKey {
    fileprivate init(
        _ scope: ContentHash.Scope, _ channel: ChannelID, _ kind: CommandKind?, _ user: UserID,
        _ key: UnsafeRawBufferPointer, _ fingerprint: UInt64
    ) {
        func lane(_ seed: UInt64) -> UInt64 {
            var hash = ContentHash(seed)
            hash.feed(scope.rawValue)
            if let kind { hash.feed(UInt64(kind.rawValue)) }
            hash.feed(channel)
            hash.feed(user)
            hash.feed(key)
            return StableHash.mixed(hash.value)
        }
        self.init(
            high: lane(ContentHash.firstLane), low: lane(ContentHash.secondLane), fingerprint: fingerprint)
    }
}
