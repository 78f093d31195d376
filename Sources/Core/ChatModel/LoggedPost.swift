import ClusterModel

/// A logged `Command.postMessage` whose content is plain and answers nothing, read where it stands.
///
/// Nearly every entry of a busy log is one. To decide it takes the author, the key and where the content is, whose
/// binary form an event takes over as it is; to make texts and values of them first costs more than to decide.
package struct LoggedPost: Sendable {
    package let at: Timestamp
    package let channel: ChannelID
    package let actor: Actor
    /// Text, client id and thread: the same bytes in a command and in an event.
    package let content: Range<Int>
    package let text: Range<Int>
    package let clientID: Range<Int>?
    /// The idempotency key, of the author as all are: where its text stands, and its request's fingerprint.
    package let key: (text: Range<Int>, fingerprint: UInt64)?

    /// - Parameters:
    ///   - bytes: a log entry's. All places that are remembered are places in them.
    ///   - range: where in them the binary form of a `LoggedCommand` stands.
    /// - Returns: nil for every other command, for one that is not well-formed and for bytes that are none: what these
    ///   mean is said by `LoggedCommand`.
    package init?(encoded bytes: [UInt8], in range: Range<Int>) {
        guard range.count > Self.kindOffset,
            bytes[range.lowerBound + Self.kindOffset] == CommandKind.postMessage.rawValue
        else { return nil }
        var reader = ByteReader(bytes, in: range)
        do throws(WireError) {
            try self.init(from: &reader)
        } catch {
            return nil
        }
        guard reader.isAtEnd, self.isWellFormed(in: bytes) else { return nil }
    }

    /// - Parameter bytes: the binary form of a `LoggedCommand`, and nothing else.
    package init?(encoded bytes: [UInt8]) { self.init(encoded: bytes, in: 0..<bytes.count) }

    /// Behind the schema's version and the time.
    private static let kindOffset = 9

    private init(from reader: inout ByteReader) throws(WireError) {
        guard try reader.read(UInt8.self) == LoggedCommand.schemaVersion else { throw .invalid("LoggedPost") }
        try self.init(commandFrom: &reader, at: try reader.read())
    }

    /// - Parameter reader: at the binary form of the command.
    init(commandFrom reader: inout ByteReader, at: Timestamp) throws(WireError) {
        self.at = at
        _ = try reader.read(UInt8.self)
        self.channel = try reader.read()
        let start = reader.position
        self.text = try reader.readRange(max: WireLimits.text)
        self.clientID = try reader.read(Bool.self) ? try reader.readRange(max: WireLimits.key) : nil
        // A reply is decided with its thread.
        guard try !reader.read(Bool.self) else { throw .invalid("LoggedPost") }
        self.content = start..<reader.position
        self.actor = try reader.read()
        guard try reader.read(Bool.self) else {
            self.key = nil
            return
        }
        let user: UserID = try reader.read()
        guard user == self.actor.user else { throw .invalid("LoggedPost") }
        self.key = (try reader.readRange(max: WireLimits.key), try reader.read())
    }

    func isWellFormed(in bytes: [UInt8]) -> Bool {
        guard (1...MessageContent.textBytesMax).contains(self.text.count),
            self.clientID.map({ $0.count <= MessageContent.clientIDBytesMax }) ?? true,
            self.key.map({ (1...FormLimits.idempotencyKeyBytesMax).contains($0.text.count) }) ?? true
        else { return false }
        return bytes.withUnsafeBytes { bytes in
            Self.isText(bytes[self.text]) && (self.clientID.map { Self.isText(bytes[$0]) } ?? true)
                && (self.key.map { Self.isText(bytes[$0.text]) } ?? true)
        }
    }

    /// Whether the bytes are UTF-8.
    private static func isText(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        var offset = 0
        // Most texts are ASCII, or begin so.
        while offset + 8 <= bytes.count,
            bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            offset += 8
        }
        while offset < bytes.count, bytes[offset] < 0x80 { offset += 1 }
        guard offset < bytes.count else { return true }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...]).bindMemory(to: UInt8.self)
        return (try? UTF8Span(validating: rest.span)) != nil
    }

    /// - Parameter bytes: those that it was read from.
    package func event(seq: UInt64, at: Timestamp, of bytes: [UInt8]) -> DurableEvent {
        let content = MessageContent(
            plain: String(decoding: bytes[self.text], as: UTF8.self),
            clientID: self.clientID.map { String(decoding: bytes[$0], as: UTF8.self) }, thread: nil)
        return self.event(seq: seq, at: at, content)
    }

    /// - Parameter content: its own, from wherever it is at hand.
    package func event(seq: UInt64, at: Timestamp, _ content: MessageContent) -> DurableEvent {
        DurableEvent(
            channel: self.channel, seq: seq, at: at, actor: self.actor.user, body: .messageCreated(content))
    }
}
