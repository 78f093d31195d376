// Frames on a peer connection: u32 length, u8 kind, payload.

import NIOCore

/// One frame. `length` counts the kind and the payload and is little-endian like everything between nodes.
package struct PeerFrame: Sendable, Equatable {
    package enum Kind: UInt8, Sendable {
        case hello = 1
        case refusal = 2
        case message = 3
    }

    /// Of a message's payload. What is larger is cut by the sender: snapshots go in chunks.
    package static let payloadBytesMax = 1 << 20
    /// Length and kind.
    static let overhead = 5

    let kind: Kind
    let payload: [UInt8]
}

/// Why a connection's bytes are no frames. All of them close it.
enum PeerFrameError: Error, Equatable {
    /// The length is 0 or over the limit; nothing was reserved for it.
    case length(UInt32, max: Int)
    case kind(UInt8)
}

/// Cuts frames. The first frame of a connection is held to `firstLengthMax`, so that a peer which has not yet said
/// hello can not make us keep more than that.
struct PeerFrameDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = PeerFrame

    static let firstLengthMax = 4096
    private var isFirst = true

    mutating func decode(buffer: inout ByteBuffer) throws(PeerFrameError) -> PeerFrame? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, endianness: .little, as: UInt32.self) else {
            return nil
        }
        let lengthMax = self.isFirst ? Self.firstLengthMax : PeerFrame.payloadBytesMax + 1
        guard length > 0, length <= lengthMax else { throw .length(length, max: lengthMax) }
        guard let raw = buffer.getInteger(at: buffer.readerIndex + 4, as: UInt8.self) else { return nil }
        guard let kind = PeerFrame.Kind(rawValue: raw) else { throw .kind(raw) }
        guard buffer.readableBytes >= 4 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: PeerFrame.overhead)
        guard let payload = buffer.readBytes(length: Int(length) - 1) else { return nil }
        self.isFirst = false
        return PeerFrame(kind: kind, payload: payload)
    }

    /// What is left when the other end hangs up is half a frame, and is dropped.
    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws(PeerFrameError) -> PeerFrame? {
        try self.decode(buffer: &buffer)
    }
}

extension ByteBuffer {
    mutating func writeFrame(_ kind: PeerFrame.Kind, _ payload: [UInt8]) {
        self.writeInteger(UInt32(payload.count + 1), endianness: .little)
        self.writeInteger(kind.rawValue)
        self.writeBytes(payload)
    }
}
