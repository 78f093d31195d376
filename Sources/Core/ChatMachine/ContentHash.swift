import ChatModel
import ClusterModel

// Hashes over what the log decides: one to compare replicas with, one to remember idempotency keys by.

/// A 64-bit hash fed word by word; the same on every machine. Not for secrets.
struct ContentHash {
    private(set) var value: UInt64

    init(_ seed: UInt64) { self.value = seed ^ 0x51_7C_C1_B7_27_22_0A_95 }

    mutating func feed(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x9FB2_1C65_1E98_DF25
        self.value ^= self.value >> 32
    }

    mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            self.feed(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        // The length closes the last word, so that trailing zeros count.
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while offset < bytes.count {
            last ^= UInt64(bytes[offset]) << shift
            shift += 8
            offset += 1
        }
        self.feed(last)
        self.feed(UInt64(truncatingIfNeeded: bytes.count))
    }

    mutating func feed(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.feed($0) } }

    mutating func feed(_ text: String) {
        var text = text
        text.withUTF8 { self.feed(UnsafeRawBufferPointer($0)) }
    }

    mutating func feed(_ id: some PrefixedID) {
        self.feed(id.high)
        self.feed(id.low)
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
            hash.feed(UInt64(event.body.kind.rawValue) | 1 << 9)
            hash.feed(event.channel)
            hash.feed(event.seq)
            hash.feed(UInt64(bitPattern: event.at.milliseconds))
            hash.feed(event.actor)
            switch event.body {
            case .messageCreated(let content):
                hash.feed(content.text)
                hash.feed(content.clientID ?? "")
                hash.feed(content.thread?.seq ?? 0)
            case .memberJoined(let user, let role), .memberLeft(let user, let role):
                hash.feed(user)
                hash.feed(UInt64(role.rawValue))
            }
            hash.feed(key?.high ?? 0)
            hash.feed(key?.low ?? 0)
        }
        return StableHash.mixed(hash.value)
    }
}

extension IdempotencyKey {
    /// The remembered form of a message's key: a user's key is its own in each channel.
    func stored(in channel: ChannelID) -> StoredKey { self.stored(1, channel) }
    /// The remembered form of a creation's key.
    func storedForCreation() -> StoredKey { self.stored(2, ChannelID(high: 0, low: 0)) }

    private func stored(_ scope: UInt64, _ channel: ChannelID) -> StoredKey {
        func lane(_ seed: UInt64) -> UInt64 {
            var hash = ContentHash(seed)
            hash.feed(scope)
            hash.feed(channel)
            hash.feed(self.user)
            hash.feed(self.key)
            return StableHash.mixed(hash.value)
        }
        return StoredKey(
            high: lane(0x243F_6A88_85A3_08D3), low: lane(0x1319_8A2E_0370_7344), fingerprint: self.fingerprint)
    }
}
