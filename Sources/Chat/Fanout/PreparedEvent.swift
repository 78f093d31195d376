import ChatModel
import ClientProtocol
import ClusterModel
import NIOCore

/// A durable event as it goes to sockets: encoded once, shared by all readers of the node.
package final class PreparedEvent: Sendable {
    package let channel: ChannelID
    package let seq: UInt64
    /// A whole WebSocket text frame.
    package let frame: ByteBuffer
    /// The author's form, with its `client_id`; nil when it is the same as everybody's.
    package let authorFrame: ByteBuffer?
    package let author: UserID
    /// Whose membership this event ends: it is the last one that this user gets of the channel.
    package let leaver: UserID?

    package init(_ event: DurableEvent) {
        self.channel = event.channel
        self.seq = event.seq
        self.frame = TextFrame.buffer(ServerFrame.event(event, showsClientID: false))
        self.authorFrame =
            event.hasAuthorForm ? TextFrame.buffer(ServerFrame.event(event, showsClientID: true)) : nil
        self.author = event.author
        switch event.body {
        case .memberLeft(let user, _): self.leaver = user
        case .messageCreated, .messageEdited, .messageDeleted, .reactionAdded, .reactionRemoved, .messagePinned,
            .messageUnpinned, .channelUpdated, .channelArchived, .channelUnarchived, .memberJoined, .memberUpdated:
            self.leaver = nil
        }
    }

    package func frame(for user: UserID) -> ByteBuffer {
        guard let authorFrame = self.authorFrame, user == self.author else { return self.frame }
        return authorFrame
    }
}

/// Unmasked text frames of RFC 6455 section 5.2, as servers send them: one frame a message.
package enum TextFrame {
    package static func buffer(_ payload: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: payload.count + 10)
        Self.write(payload, into: &buffer)
        return buffer
    }

    package static func write(_ payload: [UInt8], into buffer: inout ByteBuffer) {
        Self.writeHeader(opcode: 1, count: payload.count, into: &buffer)
        buffer.writeBytes(payload)
    }

    /// The header of an unfragmented, unmasked frame, with the shortest form of its length.
    package static func writeHeader(opcode: UInt8, count: Int, into buffer: inout ByteBuffer) {
        buffer.writeInteger(0x80 | opcode)
        switch count {
        case ..<126:
            buffer.writeInteger(UInt8(count))
        case ..<65_536:
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(count))
        default:
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(count))
        }
    }
}
