import ChatModel

// The rules of names and texts. Each answers with the complaint that a person reads.

/// What a text field must look like.
package enum TextRule: Sendable, Hashable {
    /// 2–32 of `a-z 0-9 . _ -`, in either case, beginning with a letter or digit.
    case username
    /// 8–1,024 bytes of anything: it is hashed exactly as it came.
    case password
    /// 1–64 characters, none of them invisible, not beginning or ending with white space. Taken in composed (`normal`).
    case displayName
    /// As `displayName`.
    case channelName
    /// At most 1,024 bytes, without control characters.
    case topic
    /// Something at something, at most 254 bytes: whether it is delivered to is for a mail to find out.
    case emailAddress
    /// 1–16,384 bytes.
    case messageText
    /// 1–128 bytes of a client's own choice.
    case idempotencyKey
    /// 1–64 bytes: an emoji, or its name.
    case emoji

    /// How long such a text is: in characters for names (`isCountedInBytes`), in bytes of UTF-8 for all others.
    package var length: ClosedRange<Int> {
        switch self {
        case .username: 2...32
        case .password: 8...1_024
        case .displayName, .channelName: 1...64
        case .topic: 0...1_024
        case .emailAddress: 3...254
        case .messageText: 1...MessageContent.textBytesMax
        case .emoji: 1...FormLimits.emojiBytesMax
        case .idempotencyKey: 1...FormLimits.idempotencyKeyBytesMax
        }
    }

    /// User names are ASCII, so that it makes no difference there.
    package var isCountedInBytes: Bool {
        switch self {
        case .username, .displayName, .channelName: false
        case .password, .topic, .emailAddress, .messageText, .emoji, .idempotencyKey: true
        }
    }

    /// The form in which `text` is taken in, and held against the rule.
    package func normal(_ text: String) -> String {
        switch self {
        case .displayName, .channelName: NameText.composed(text)
        case .username, .password, .topic, .emailAddress, .messageText, .emoji, .idempotencyKey: text
        }
    }

    /// - Returns: nil when `text` keeps the rule.
    package func complaint(about text: String) -> String? {
        switch self {
        case .username: self.usernameComplaint(text)
        case .displayName, .channelName: self.nameComplaint(text)
        case .topic:
            text.utf8.count > self.length.upperBound
                ? "must have at most \(self.length.upperBound) bytes"
                : Self.hasControlCharacter(text) ? "must not hold control characters" : nil
        case .emailAddress: self.emailAddressComplaint(text)
        case .password, .messageText, .emoji, .idempotencyKey:
            Self.lengthComplaint(text.utf8.count, self.length, of: "bytes")
        }
    }

    private static func lengthComplaint(_ count: Int, _ range: ClosedRange<Int>, of unit: String) -> String? {
        range.contains(count) ? nil : "must have \(range.lowerBound) to \(range.upperBound) \(unit)"
    }

    private func usernameComplaint(_ text: String) -> String? {
        if let complaint = Self.lengthComplaint(text.utf8.count, self.length, of: "characters") { return complaint }
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                continue
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                if index == 0 { return "must begin with a letter or digit" }
            default: return "must hold only letters a to z, digits, '.', '_' and '-'"
            }
        }
        return nil
    }

    private func nameComplaint(_ text: String) -> String? {
        // Characters may be of many scalars, so bytes are bounded beside them.
        let count = text.utf8.count <= FormLimits.displayNameBytesMax ? text.count : .max
        if let complaint = Self.lengthComplaint(count, self.length, of: "characters") { return complaint }
        if Self.hasControlCharacter(text) { return "must not hold control characters" }
        if NameText.hasInvisible(text) { return "must not hold invisible characters" }
        if text.first?.isWhitespace == true || text.last?.isWhitespace == true {
            return "must not begin or end with white space"
        }
        return nil
    }

    private func emailAddressComplaint(_ text: String) -> String? {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let isPlausible =
            text.utf8.count <= self.length.upperBound && parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && !Self.hasControlCharacter(text) && !text.contains(where: \.isWhitespace)
        return isPlausible ? nil : "must be a mail address"
    }

    /// C0, DEL, C1, the line separators, and the marks that turn the direction of other people's text.
    private static func hasControlCharacter(_ text: String) -> Bool {
        text.unicodeScalars.contains { scalar in
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
            default: false
            }
        }
    }
}

/// Names as the directory keeps them unique: without case, and channels by what people see of them.
package enum FoldedName {
    package static func username(_ text: String) -> String { text.lowercased() }
    package static func channel(_ text: String) -> String { NameText.folded(text) }

    /// All forms under which a channel of this name may be kept, the likeliest first: earlier ones were only lower case.
    package static func channelForms(_ text: String) -> [String] {
        let (folded, plain) = (Self.channel(text), text.lowercased())
        return folded.utf8.elementsEqual(plain.utf8) ? [folded] : [folded, plain]
    }
}

/// A hash of what a request means, for telling a repetition from a reused key. FNV-1a over 64 bits with each
/// part's length before it. Not against attackers: whoever collides it fools only its own keys.
package struct RequestFingerprint: Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func combine(_ part: String) {
        var length = UInt64(part.utf8.count)
        for _ in 0..<8 {
            self.combine(UInt8(truncatingIfNeeded: length))
            length >>= 8
        }
        for byte in part.utf8 { self.combine(byte) }
    }

    private mutating func combine(_ byte: UInt8) {
        self.value = (self.value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
