import ClusterModel

/// A plain post as it has come from another node, to be logged as it stands. It is well-formed.
package struct ReceivedPost: Sendable {
    /// Of all that has come together.
    private let bytes: [UInt8]
    /// Where in them the binary form of its `Command` stands.
    private let place: Range<Int>

    /// - Parameter reader: at the binary form of a `Command`.
    /// - Returns: nil, with the reader where it was, for everything but a plain post (`LoggedPost`).
    package init?(from reader: inout ByteReader) {
        let start = reader.position
        let bytes = reader.array
        guard reader.remaining > 0, bytes[start] == CommandKind.postMessage.rawValue else { return nil }
        do throws(WireError) {
            guard try LoggedPost(commandFrom: &reader, at: .zero).isWellFormed(in: bytes) else {
                throw .invalid("ReceivedPost")
            }
        } catch {
            reader.move(to: start)
            return nil
        }
        self.bytes = bytes
        self.place = start..<reader.position
    }

    package var byteCount: Int { self.place.count }

    /// Writes the command.
    package func encode(into writer: inout ByteWriter) {
        self.bytes.withUnsafeBytes { writer.append(raw: UnsafeRawBufferPointer(rebasing: $0[self.place])) }
    }
}

/// What a leader is asked to log.
package enum ProposedCommand: Sendable {
    /// A reference, so that a post, which is far smaller, is moved as what it is.
    indirect case command(LoggedCommand)
    case post(ReceivedPost, at: Timestamp)

    /// Writes the form of a `LoggedCommand`.
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .command(let logged): logged.encode(into: &writer)
        case .post(let post, let at):
            writer.write(LoggedCommand.schemaVersion)
            writer.write(at)
            post.encode(into: &writer)
        }
    }

    package var isWellFormed: Bool {
        switch self {
        case .command(let logged): logged.command.isWellFormed
        case .post: true
        }
    }
}
