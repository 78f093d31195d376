import ClusterModel

// Ids of the product: 128 bits, shown as a kind prefix and 26 letters of Crockford's base 32.

/// An opaque id with a kind prefix, for example `usr_01jd0m6z5v9k3q8w7x2y4t6r1p`.
///
/// New ids begin with 48 bits of milliseconds, so that they sort by creation; ids that must be the
/// same for the same things (direct channels) are hashes instead. Nothing depends on which.
package protocol PrefixedID: Hashable, Comparable, Sendable, Wire, CustomStringConvertible {
    static var prefix: String { get }
    var high: UInt64 { get }
    var low: UInt64 { get }
    init(high: UInt64, low: UInt64)
}

extension PrefixedID {
    package static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(high: try reader.read(), low: try reader.read())
    }

    /// What dictionaries and sets of the standard library ask for.
    package func _rawHashValue(seed: Int) -> Int { PairHash.of(self.high, self.low, seed: seed) }

    /// A new id: `now` in the first 48 bits, chance in the other 80.
    package init(now: Timestamp, using generator: inout some RandomNumberGenerator) {
        let milliseconds = UInt64(truncatingIfNeeded: now.milliseconds) & 0xFFFF_FFFF_FFFF
        self.init(high: milliseconds << 16 | (generator.next() & 0xFFFF), low: generator.next())
    }

    package var description: String { Self.prefix + Base32.text(self.high, self.low) }

    /// - Returns: nil for anything but exactly what `description` gives.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix(Self.prefix), let (high, low) = Base32.pair(text.utf8.dropFirst(Self.prefix.utf8.count))
        else { return nil }
        self.init(high: high, low: low)
    }
}

package struct UserID: PrefixedID {
    package static let prefix = "usr_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

package struct ChannelID: PrefixedID {
    package static let prefix = "chn_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// One signed-in device. Access and refresh tokens carry it.
package struct SessionID: PrefixedID {
    package static let prefix = "ses_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// One attempt at something that spans shards, so that its repetition is recognised.
package struct OperationID: PrefixedID {
    package static let prefix = "opr_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A message is named by its place: `<channel id>.<seq>`, so that any node can route it without a lookup.
package struct MessageID: Hashable, Comparable, Sendable, CustomStringConvertible, Wire {
    package let channel: ChannelID
    package let seq: UInt64

    package init(channel: ChannelID, seq: UInt64) {
        self.channel = channel
        self.seq = seq
    }

    package var description: String { "\(self.channel).\(self.seq)" }

    package init?(_ text: some StringProtocol) {
        guard let dot = text.lastIndex(of: "."), let channel = ChannelID(text[..<dot]) else { return nil }
        let digits = text[text.index(after: dot)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0",
            let seq = UInt64(digits)
        else { return nil }
        self.init(channel: channel, seq: seq)
    }

    package static func < (left: MessageID, right: MessageID) -> Bool {
        (left.channel, left.seq) < (right.channel, right.seq)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.writeVariable(self.seq)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(channel: try reader.read(), seq: try reader.readVariable())
    }
}

/// An invitation: whoever has the id may use it.
package struct InviteID: PrefixedID {
    package static let prefix = "inv_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A report to the moderators.
package struct FlagID: PrefixedID {
    package static let prefix = "flg_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A message that waits for its time.
package struct ScheduledID: PrefixedID {
    package static let prefix = "sch_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

package struct ReminderID: PrefixedID {
    package static let prefix = "rem_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

package struct FileID: PrefixedID {
    package static let prefix = "fil_"
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// The number of an entry in a person's inbox, as clients name it: `ntf_17`.
package struct NotificationID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let prefix = "ntf_"
    package let number: UInt64
    package init(_ number: UInt64) { self.number = number }

    package var description: String { "\(Self.prefix)\(self.number)" }

    /// - Returns: nil for anything but exactly what `description` gives.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let digits = text.dropFirst(Self.prefix.count)
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0", let number = UInt64(digits)
        else { return nil }
        self.init(number)
    }

    package static func < (left: NotificationID, right: NotificationID) -> Bool { left.number < right.number }
}

extension ChannelID {
    /// The one channel of these people: whoever opens it, from wherever, finds the same.
    ///
    /// A hash of 128 bits over the sorted, distinct ids.
    package static func direct(of people: [UserID]) -> ChannelID {
        let people = Set(people).sorted()
        func lane(_ seed: UInt64) -> UInt64 {
            var hash = ContentHash(seed)
            hash.feed(ContentHash.Scope.directChannel.rawValue)
            for person in people { hash.feed(person) }
            return StableHash.mixed(hash.value)
        }
        return ChannelID(high: lane(ContentHash.firstLane), low: lane(ContentHash.secondLane))
    }
}

/// Crockford's base 32 in lower case: 26 letters for 128 bits, most significant first.
package enum Base32 {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    package static func text(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 26) { buffer in
            for position in 0..<26 {
                buffer[position] = Self.alphabet[Int(Self.digit(high, low, at: 25 - position))]
            }
            return 26
        }
    }

    /// Five bits, `place` digits from the right.
    private static func digit(_ high: UInt64, _ low: UInt64, at place: Int) -> UInt64 {
        let shift = UInt64(place * 5)
        if shift >= 64 { return (high >> (shift - 64)) & 31 }
        if shift + 5 <= 64 { return (low >> shift) & 31 }
        return ((low >> shift) | (high << (64 - shift))) & 31
    }

    package static func pair(_ text: some Sequence<UInt8>) -> (UInt64, UInt64)? {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0
        for byte in text {
            guard count < 26, let value = Self.value(of: byte), count > 0 || value < 8 else { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | value
            count += 1
        }
        return count == 26 ? (high, low) : nil
    }

    private static func value(of byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte - 0x30)
        case 0x61...0x68: UInt64(byte - 0x61) + 10  // a–h
        case 0x6A, 0x6B: UInt64(byte - 0x6A) + 18  // j k
        case 0x6D, 0x6E: UInt64(byte - 0x6D) + 20  // m n
        case 0x70...0x74: UInt64(byte - 0x70) + 22  // p–t
        case 0x76...0x7A: UInt64(byte - 0x76) + 27  // v–z
        default: nil
        }
    }
}
