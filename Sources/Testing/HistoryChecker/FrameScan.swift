/// Finds what a history needs in frames and pages, without parsing them: a busy run receives ten thousand a second.
///
/// It relies on one fact of JSON: inside a string every quote is escaped, so `"seq":` and `{"type":"` stand nowhere
/// but where they are meant. Of the server it takes that an object's `type` comes first and a message's `text` behind
/// its `seq`. What does not fit is nil, never a guess.
package struct FrameScan {
    private let bytes: UnsafeBufferPointer<UInt8>

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes.bindMemory(to: UInt8.self) }

    /// A message as its object shows it.
    package struct Message: Hashable, Sendable {
        package let seq: UInt64
        package let key: MessageKey
        package let digest: TextDigest
        /// Behind the text.
        package let end: Int
    }

    package enum Event: Hashable, Sendable {
        case message(Message)
        case joined(seq: UInt64, user: String)
        case left(seq: UInt64, user: String)
        case other(seq: UInt64, digest: TextDigest)
    }

    /// The first bytes of the frame's `type`.
    package func type() -> String? { self.starts(with: "{\"type\":\"") ? self.text(from: 9) : nil }

    package func starts(with prefix: StaticString) -> Bool {
        self.bytes.count >= prefix.utf8CodeUnitCount
            && self.bytes.prefix(prefix.utf8CodeUnitCount).elementsEqual(Self.bytes(prefix))
    }

    package func integer(_ name: StaticString, from start: Int = 0, before end: Int? = nil) -> UInt64? {
        guard let at = self.find(name, from: start, before: end) else { return nil }
        return self.digits(at)
    }

    package func string(_ name: StaticString, from start: Int = 0, before end: Int? = nil) -> String? {
        guard let at = self.find(name, from: start, before: end) else { return nil }
        return self.text(from: at)
    }

    // MARK: Messages and events

    /// The next message object from `start` on: a `"seq":` and the `"text":"` behind it.
    package func message(from start: Int) -> Message? {
        guard let seqAt = self.find("\"seq\":", from: start), let seq = self.digits(seqAt),
            let textAt = self.find("\"text\":\"", from: seqAt), let end = self.stringEnd(textAt)
        else { return nil }
        let raw = self.bytes[textAt..<end]
        let text = raw.contains(0x5C) ? Self.unescaped(raw) : Array(raw)
        guard let text else { return nil }
        let digest = TextDigest(of: text)
        return Message(seq: seq, key: MessageKey(text: text) ?? .foreign(digest), digest: digest, end: end)
    }

    /// The durable event whose object begins at `start`, and where the search for the next one goes on.
    package func event(from start: Int) -> (event: Event, channel: String, end: Int)? {
        guard let type = self.string("{\"type\":\"", from: start),
            let channelAt = self.find("\"channel_id\":\"", from: start), let channel = self.text(from: channelAt),
            let seqAt = self.find("\"seq\":", from: channelAt), let seq = self.digits(seqAt)
        else { return nil }
        switch type {
        case "message.created":
            guard let message = self.message(from: seqAt), message.seq == seq else { return nil }
            return (.message(message), channel, message.end)
        case "member.joined", "member.left":
            guard let userAt = self.find("\"user_id\":\"", from: seqAt), let user = self.text(from: userAt) else {
                return nil
            }
            return (
                type == "member.joined" ? .joined(seq: seq, user: user) : .left(seq: seq, user: user), channel, userAt
            )
        default:
            return (.other(seq: seq, digest: TextDigest(of: type.utf8)), channel, seqAt)
        }
    }

    /// All events of a list, as `fetch` answers it. Nil where one of them is not understood.
    package func events() -> [Event]? {
        guard var at = self.find("\"events\":[", from: 0) else { return nil }
        var events: [Event] = []
        while let next = self.find("{\"type\":\"", from: at) {
            guard let found = self.event(from: next - 9) else { return nil }
            events.append(found.event)
            at = found.end
        }
        return events
    }

    /// All messages of a page of history. Nil where one of them is not understood.
    package func messages() -> [Message]? {
        guard var at = self.find("\"items\":[", from: 0) else { return nil }
        var messages: [Message] = []
        while self.find("\"seq\":", from: at) != nil {
            guard let message = self.message(from: at) else { return nil }
            messages.append(message)
            at = message.end
        }
        return messages
    }

    /// `{"id":"…", …, "seq":5, …}` of a list, each with its numbers.
    package func channels() -> [(id: String, seq: UInt64, readSeq: UInt64, unread: UInt64, mentions: UInt64)] {
        var found: [(id: String, seq: UInt64, readSeq: UInt64, unread: UInt64, mentions: UInt64)] = []
        var at = 0
        while let idAt = self.find("{\"id\":\"chn_", from: at) {
            guard let id = self.text(from: idAt - 4), let seqAt = self.find("\"seq\":", from: idAt),
                let seq = self.digits(seqAt)
            else { return found }
            found.append(
                (
                    id, seq, self.integer("\"read_seq\":", from: seqAt) ?? 0,
                    self.integer("\"unread\":", from: seqAt) ?? 0,
                    self.integer("\"mentions\":", from: seqAt) ?? 0
                ))
            at = seqAt
        }
        return found
    }

    /// All strings behind such a name.
    package func strings(_ name: StaticString) -> [String] {
        var found: [String] = []
        var at = 0
        while let next = self.find(name, from: at), let text = self.text(from: next) {
            found.append(text)
            at = next
        }
        return found
    }

    // MARK: Bytes

    /// Behind the next occurrence.
    func find(_ pattern: StaticString, from start: Int, before limit: Int? = nil) -> Int? {
        let needle = Self.bytes(pattern)
        let end = (limit ?? self.bytes.count) - needle.count
        guard start >= 0, start <= end else { return nil }
        var at = start
        let first = needle[0]
        while at <= end {
            if self.bytes[at] == first {
                var length = 1
                while length < needle.count, self.bytes[at + length] == needle[length] { length += 1 }
                if length == needle.count { return at + length }
            }
            at += 1
        }
        return nil
    }

    private func digits(_ start: Int) -> UInt64? {
        var at = start
        var value: UInt64 = 0
        while at < self.bytes.count, (0x30...0x39).contains(self.bytes[at]), at - start < 16 {
            value = value * 10 + UInt64(self.bytes[at] - 0x30)
            at += 1
        }
        return at == start ? nil : value
    }

    /// A string without escapes, up to its quote: ids and names of types.
    private func text(from start: Int) -> String? {
        guard let end = self.stringEnd(start) else { return nil }
        return String(decoding: self.bytes[start..<end], as: UTF8.self)
    }

    private func stringEnd(_ start: Int) -> Int? {
        var at = start
        while at < self.bytes.count {
            if self.bytes[at] == 0x22 { return at }
            at += self.bytes[at] == 0x5C ? 2 : 1
        }
        return nil
    }

    /// The value of a string with escapes (RFC 8259, section 7), as UTF-8. Nil for what is none.
    private static func unescaped(_ raw: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8]? {
        var text: [UInt8] = []
        var units: [UInt16] = []
        var at = raw.startIndex
        while at < raw.endIndex {
            guard raw[at] == 0x5C else {
                text.append(raw[at])
                at += 1
                continue
            }
            guard at + 1 < raw.endIndex else { return nil }
            switch raw[at + 1] {
            case 0x22, 0x2F, 0x5C: text.append(raw[at + 1])
            case 0x62: text.append(0x08)
            case 0x66: text.append(0x0C)
            case 0x6E: text.append(0x0A)
            case 0x72: text.append(0x0D)
            case 0x74: text.append(0x09)
            case 0x75:
                guard let unit = Self.codeUnit(raw, at + 2) else { return nil }
                units.append(unit)
                at += 6
                // A high surrogate waits for its low one.
                if (0xD800..<0xDC00).contains(unit), at + 1 < raw.endIndex, raw[at] == 0x5C, raw[at + 1] == 0x75 {
                    continue
                }
                text.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
                units.removeAll()
                continue
            default: return nil
            }
            at += 2
        }
        return text
    }

    private static func codeUnit(_ raw: Slice<UnsafeBufferPointer<UInt8>>, _ start: Int) -> UInt16? {
        guard start + 4 <= raw.endIndex else { return nil }
        return UInt16(String(decoding: raw[start..<(start + 4)], as: UTF8.self), radix: 16)
    }

    private static func bytes(_ text: StaticString) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
