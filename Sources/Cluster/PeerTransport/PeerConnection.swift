// One open connection's way out: a bounded outbox that any thread may fill and the event loop empties.

import NIOCore
import Synchronization

/// Collects frames and hands them to the channel as one buffer: the first producer schedules one drain, those that
/// come before it runs add to the same buffer, and while the socket takes one buffer the next one fills.
final class PeerConnection: ReturnPath, Sendable {
    private struct Outbox {
        var buffer = ByteBuffer()
        /// An empty buffer with memory from an earlier write; two take turns while there is something to say.
        var spare: ByteBuffer?
        /// A drain is scheduled, or a write is under way whose completion drains again.
        var isDraining = false
        var bytesInFlight = 0
        var isOpen = true
    }

    private let channel: any Channel
    private let bytesMax: Int
    private let outbox = Mutex(Outbox())
    private let overflowed: @Sendable () -> Void

    init(channel: any Channel, bytesMax: Int, overflowed: @escaping @Sendable () -> Void) {
        self.channel = channel
        self.bytesMax = bytesMax
        self.overflowed = overflowed
    }

    func send(_ message: [UInt8]) -> SendVerdict {
        guard message.count <= PeerFrame.payloadBytesMax else { return .tooLarge }
        let (verdict, starts): (SendVerdict, Bool) = self.outbox.withLock { outbox in
            guard outbox.isOpen else { return (.notConnected, false) }
            let bytes = outbox.buffer.readableBytes + outbox.bytesInFlight + message.count + PeerFrame.overhead
            guard bytes <= self.bytesMax else { return (.overflow, false) }
            outbox.buffer.writeFrame(.message, message)
            let starts = !outbox.isDraining
            outbox.isDraining = true
            return (.queued, starts)
        }
        if starts { self.channel.eventLoop.execute { self.drain() } }
        if verdict == .overflow { self.overflowed() }
        return verdict
    }

    /// On the loop only: writes what has gathered, then again when that is in the socket.
    private func drain() {
        let gathered: ByteBuffer? = self.outbox.withLock { outbox in
            outbox.bytesInFlight = 0
            guard outbox.isOpen, outbox.buffer.readableBytes > 0 else {
                outbox.isDraining = false
                return nil
            }
            let next = outbox.buffer
            outbox.buffer = outbox.spare ?? ByteBuffer()
            outbox.spare = nil
            outbox.bytesInFlight = next.readableBytes
            return next
        }
        guard let gathered else { return }
        let loop = self.channel.eventLoop
        self.channel.writeAndFlush(gathered).whenComplete { _ in
            // A failed write closes the channel, which closes the outbox. In a turn of its own: a write that the socket
            // takes at once completes right here, and while others keep queueing, each drain would stand on the stack
            // of the one before it until the thread has no more.
            loop.execute {
                self.reuse(gathered)
                self.drain()
            }
        }
    }

    private func reuse(_ written: ByteBuffer) {
        guard written.capacity <= Self.spareBytesMax else { return }
        var written = written
        written.clear()
        self.outbox.withLock { outbox in
            if outbox.isOpen { outbox.spare = written }
        }
    }

    /// Larger ones go back to the system: most connections are quiet most of the time.
    private static let spareBytesMax = 256 << 10

    /// Refuses everything from now on. Idempotent.
    func shut() {
        self.outbox.withLock { outbox in
            outbox.isOpen = false
            outbox.buffer = ByteBuffer()
            outbox.spare = nil
        }
    }

    func close() {
        self.shut()
        self.channel.close(promise: nil)
    }
}
