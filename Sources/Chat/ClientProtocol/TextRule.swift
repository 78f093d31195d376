// The rules of names and texts. Each answers with the complaint that a person reads.

/// What a text field must look like.
package enum TextRule: Sendable, Hashable {
    /// 2–32 of `a-z 0-9 . _ -`, in either case, beginning with a letter or digit.
    case username
    /// 8–1,024 bytes of anything: it is hashed exactly as it came.
    case password
    /// 1–64 characters without control characters, not beginning or ending with white space.
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

    /// - Returns: nil when `text` keeps the rule.
    package func complaint(about text: String) -> String? {
        switch self {
        case .username: Self.usernameComplaint(text)
        case .password: Self.lengthComplaint(text.utf8.count, 8...1_024, of: "bytes")
        case .displayName, .channelName: Self.nameComplaint(text)
        case .topic:
            text.utf8.count > 1_024
                ? "must have at most 1024 bytes"
                : Self.hasControlCharacter(text) ? "must not hold control characters" : nil
        case .emailAddress: Self.emailAddressComplaint(text)
        case .messageText: Self.lengthComplaint(text.utf8.count, 1...16_384, of: "bytes")
        case .emoji: Self.lengthComplaint(text.utf8.count, 1...64, of: "bytes")
        case .idempotencyKey: Self.lengthComplaint(text.utf8.count, 1...128, of: "bytes")
        }
    }

    private static func lengthComplaint(_ count: Int, _ range: ClosedRange<Int>, of unit: String) -> String? {
        range.contains(count) ? nil : "must have \(range.lowerBound) to \(range.upperBound) \(unit)"
    }

    private static func usernameComplaint(_ text: String) -> String? {
        if let complaint = Self.lengthComplaint(text.utf8.count, 2...32, of: "characters") { return complaint }
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

    private static func nameComplaint(_ text: String) -> String? {
        // Characters may be of many scalars, so bytes are bounded beside them.
        guard text.utf8.count <= 512 else { return "must have 1 to 64 characters" }
        if let complaint = Self.lengthComplaint(text.count, 1...64, of: "characters") { return complaint }
        if Self.hasControlCharacter(text) { return "must not hold control characters" }
        if text.first?.isWhitespace == true || text.last?.isWhitespace == true {
            return "must not begin or end with white space"
        }
        return nil
    }

    private static func emailAddressComplaint(_ text: String) -> String? {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let isPlausible =
            text.utf8.count <= 254 && parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
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

/// Names as the directory keeps them unique: without case.
package enum FoldedName {
    package static func username(_ text: String) -> String { text.lowercased() }
    package static func channel(_ text: String) -> String { text.lowercased() }
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
