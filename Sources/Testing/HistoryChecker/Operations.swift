// What the clients of a run did and saw, as values. Terms: reliability rules C1...C13 in docs/verification.md.

/// Microseconds on the machine's monotonic clock, the same for every process of a run.
package typealias Microseconds = Int64

/// The idempotency key of a message: the client that made it and that client's count. Its text, `"3-17"`, is the
/// `client_id` and the first word of the message, so that whoever sees the message knows whose it is.
package struct MessageKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let client: UInt32
    package let number: UInt32

    package init(client: UInt32, number: UInt32) {
        self.client = client
        self.number = number
    }

    /// A message that carries no key of the run. Two texts may share one with a chance of 2^-32; it is a phantom
    /// in any case.
    package static func foreign(_ digest: TextDigest) -> MessageKey {
        MessageKey(client: .max, number: UInt32(truncatingIfNeeded: digest.rawValue))
    }

    package var isForeign: Bool { self.client == .max }

    /// Reads `"3-17"` up to the end or the first space. Nil for anything else.
    package init?(text: some Sequence<UInt8>) {
        var parts: (UInt64, UInt64) = (0, 0)
        var digits = 0
        var isSecond = false
        for byte in text {
            if byte == 0x20 { break }
            if byte == 0x2D, !isSecond, digits > 0 {
                isSecond = true
                digits = 0
                continue
            }
            guard (0x30...0x39).contains(byte), digits < 10 else { return nil }
            digits += 1
            if isSecond {
                parts.1 = parts.1 * 10 + UInt64(byte - 0x30)
            } else {
                parts.0 = parts.0 * 10 + UInt64(byte - 0x30)
            }
        }
        guard isSecond, digits > 0, let client = UInt32(exactly: parts.0), let number = UInt32(exactly: parts.1)
        else { return nil }
        self.init(client: client, number: number)
    }

    package static func < (one: MessageKey, other: MessageKey) -> Bool {
        (one.client, one.number) < (other.client, other.number)
    }

    package var description: String { self.isForeign ? "foreign-\(self.number)" : "\(self.client)-\(self.number)" }
}

/// 48 bits of a hash of a text: enough to see that a text is another one, and exact in every JSON reader.
package struct TextDigest: Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package init(of text: some Sequence<UInt8>) {
        // FNV-1a with its high bits folded in; a checker needs no defence against chosen collisions.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        self.rawValue = (hash ^ (hash >> 48)) & 0xFFFF_FFFF_FFFF
    }
}

/// One attempt to append: a key may have several, one after the other.
package struct Append: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// With the text that the answer showed.
        case acked(seq: UInt64, shown: TextDigest)
        /// The answer said that this attempt was not applied.
        case refused
        /// Refused because the author may not: 403 or 404.
        case denied
        /// No answer, or one that leaves it open.
        case unknown
    }

    package let key: MessageKey
    package let digest: TextDigest
    package let begin: Microseconds
    /// When the outcome was known; meaningless while it is unknown.
    package let end: Microseconds
    package let outcome: Outcome

    package init(
        key: MessageKey, digest: TextDigest, begin: Microseconds, end: Microseconds, outcome: Outcome
    ) {
        self.key = key
        self.digest = digest
        self.begin = begin
        self.end = end
        self.outcome = outcome
    }
}

/// A place of a channel's sequence and what stands there.
package struct LogEntry: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case message(MessageKey, TextDigest)
        case joined(client: UInt32)
        case left(client: UInt32)
        /// A durable event of another type.
        case other(TextDigest)
    }

    /// From 1; at most 2^53, as everything in a history file.
    package let seq: UInt64
    package let content: Content

    package init(seq: UInt64, _ content: Content) {
        self.seq = seq
        self.content = content
    }

    package var key: MessageKey? { if case .message(let key, _) = self.content { key } else { nil } }
    package var isMessage: Bool { self.key != nil }
}

/// A read of a channel's newest messages, or of a stretch of them.
package struct Read: Sendable {
    package enum Consistency: String, Sendable {
        /// Covers everything that was acknowledged or seen before it began.
        case linearizable
        /// Covers what the same client has written and seen.
        case session
        /// Some past of the channel, on the node that was asked.
        case local
    }
    package enum Outcome: Sendable {
        /// Messages only, by rising seq. A read of the newest page reaches the head as its reader saw it.
        case entries([LogEntry], reachesHead: Bool)
        /// 403 or 404.
        case denied
        /// No answer, or a 5xx.
        case failed
    }

    package let client: UInt32
    package let node: String
    package let begin: Microseconds
    package let end: Microseconds
    package let consistency: Consistency
    package let outcome: Outcome

    package init(
        client: UInt32, node: String, begin: Microseconds, end: Microseconds, consistency: Consistency,
        outcome: Outcome
    ) {
        self.client = client
        self.node = node
        self.begin = begin
        self.end = end
        self.consistency = consistency
        self.outcome = outcome
    }
}

/// One thing that the socket of a client told about a channel, in the order of arrival over all its connections.
package struct Delivery: Hashable, Sendable {
    package enum Event: Hashable, Sendable {
        /// A connection began: the next event is `after` + 1, because the client asked to resume there or the
        /// server named the head.
        case began(after: UInt64)
        /// The client became a member at `seq`; the next event is seq + 1.
        case joined(seq: UInt64)
        case event(LogEntry)
        /// Too much was missed: the next event is `head` + 1.
        case reset(head: UInt64)
        /// The server said that membership ended.
        case left
        /// The run ended with the client connected and a member; nothing more is to come.
        case ended(last: UInt64)
    }

    package let client: UInt32
    package let at: Microseconds
    package let event: Event

    package init(client: UInt32, at: Microseconds, _ event: Event) {
        self.client = client
        self.at = at
        self.event = event
    }
}

/// A change of a channel's membership that a client asked for.
package struct MembershipChange: Hashable, Sendable {
    package enum Outcome: String, Sendable { case done, refused, unknown }

    package let subject: UInt32
    /// Whether the subject was added; else it was removed.
    package let adds: Bool
    package let begin: Microseconds
    package let end: Microseconds
    package let outcome: Outcome

    package init(subject: UInt32, adds: Bool, begin: Microseconds, end: Microseconds, outcome: Outcome) {
        self.subject = subject
        self.adds = adds
        self.begin = begin
        self.end = end
        self.outcome = outcome
    }
}

/// A channel's log as one node told it after the run.
package struct FinalLog: Sendable {
    package let node: String
    package let consistency: Read.Consistency
    /// Whether every kind of event is in it; else messages only.
    package let isFull: Bool
    package let entries: [LogEntry]

    package init(node: String, consistency: Read.Consistency, isFull: Bool, entries: [LogEntry]) {
        self.node = node
        self.consistency = consistency
        self.isFull = isFull
        self.entries = entries
    }
}
