import ClientProtocol
import NIOCore

/// A client's side of RFC 6455, byte by byte: frames in, messages out. Pure; at home with any cutting of the input.
///
/// ```
///  0               1               2 … up to 9         + 4
/// ├F─RSV─opcode───┼M─length───────┼ extended length ──┼ masking key ┼ payload …
/// ```
/// Only what the product needs is let through: text messages, pings, pongs and closes. Everything is judged as
/// soon as it stands in the header, so nothing is reserved for a frame that will be refused. After a violation
/// the decoder is finished and swallows the rest.
struct WebSocketDecoder: Sendable {
    enum Output: Hashable, Sendable {
        /// A whole text message, valid UTF-8.
        case text([UInt8])
        case ping([UInt8])
        case pong
        /// The peer closes; nil without a code.
        case close(UInt16?)
        /// The peer broke the protocol: close with this code.
        case violation(CloseCode)
    }

    private enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
        var isControl: Bool { self.rawValue >= 8 }
    }

    private struct Frame {
        var opcode: Opcode
        var isFinal: Bool
        var count: UInt64 = 0
        var mask: UInt32 = 0
    }

    private enum State {
        case start
        case length(Frame)
        case extendedLength(Frame, bytesLeft: UInt8, isLong: Bool)
        case mask(Frame, bytesLeft: UInt8)
        case payload(Frame, taken: UInt64)
        case finished
    }

    private let messageBytesMax: Int
    private var state = State.start
    /// The text message so far, unmasked, and whether one is open.
    private var message: [UInt8] = []
    private var isInMessage = false
    private var text = UTF8Validator()
    private var control: [UInt8] = []

    init(messageBytesMax: Int) {
        self.messageBytesMax = messageBytesMax
    }

    /// The next thing that `input` completes; nil when more bytes are needed.
    mutating func next(_ input: inout ByteBuffer) -> Output? {
        while true {
            switch self.state {
            case .finished:
                input.moveReaderIndex(to: input.writerIndex)
                return nil
            case .payload(let frame, let taken):
                guard let output = self.takePayload(frame, taken: taken, from: &input) else {
                    if case .payload = self.state { return nil }
                    continue
                }
                return self.settled(output)
            case .start, .length, .extendedLength, .mask:
                guard let byte = input.readInteger(as: UInt8.self) else { return nil }
                guard let violation = self.takeHeader(byte) else { continue }
                return self.settled(.violation(violation))
            }
        }
    }

    private mutating func settled(_ output: Output) -> Output {
        switch output {
        case .violation, .close: self.state = .finished
        case .text, .ping, .pong: break
        }
        return output
    }

    // MARK: Headers

    private mutating func takeHeader(_ byte: UInt8) -> CloseCode? {
        switch self.state {
        case .start:
            return self.takeFirst(byte)
        case .length(let frame):
            return self.takeLength(byte, frame)
        case .extendedLength(var frame, let bytesLeft, let isLong):
            frame.count = frame.count << 8 | UInt64(byte)
            if bytesLeft > 1 {
                self.state = .extendedLength(frame, bytesLeft: bytesLeft - 1, isLong: isLong)
                return nil
            }
            // The shortest form is the only one; and the highest bit of eight bytes is reserved.
            let isMinimal = isLong ? frame.count > 0xFFFF && frame.count < 1 << 63 : frame.count > 125
            return isMinimal ? self.expectMask(frame) : .protocolError
        case .mask(var frame, let bytesLeft):
            frame.mask = frame.mask << 8 | UInt32(byte)
            self.state = bytesLeft > 1 ? .mask(frame, bytesLeft: bytesLeft - 1) : .payload(frame, taken: 0)
            return nil
        case .payload, .finished:
            return nil
        }
    }

    private mutating func takeFirst(_ byte: UInt8) -> CloseCode? {
        let isFinal = byte & 0x80 != 0
        guard byte & 0x70 == 0, let opcode = Opcode(rawValue: byte & 0x0F) else { return .protocolError }
        switch opcode {
        case .continuation: guard self.isInMessage else { return .protocolError }
        case .text: guard !self.isInMessage else { return .protocolError }
        case .binary: return self.isInMessage ? .protocolError : .unsupportedData
        case .close, .ping, .pong: guard isFinal else { return .protocolError }
        }
        self.state = .length(Frame(opcode: opcode, isFinal: isFinal))
        return nil
    }

    private mutating func takeLength(_ byte: UInt8, _ header: Frame) -> CloseCode? {
        var frame = header
        guard byte & 0x80 != 0 else { return .protocolError }
        switch byte & 0x7F {
        case 126, 127:
            guard !frame.opcode.isControl else { return .protocolError }
            let isLong = byte & 0x7F == 127
            self.state = .extendedLength(frame, bytesLeft: isLong ? 8 : 2, isLong: isLong)
            return nil
        case let count:
            frame.count = UInt64(count)
            return self.expectMask(frame)
        }
    }

    private mutating func expectMask(_ frame: Frame) -> CloseCode? {
        if !frame.opcode.isControl {
            guard frame.count <= UInt64(self.messageBytesMax - self.message.count) else { return .tooBig }
            self.isInMessage = true
        }
        self.state = .mask(frame, bytesLeft: 4)
        return nil
    }

    // MARK: Payloads

    /// - Returns: nil when more bytes are needed, or when the frame is done and completes nothing.
    private mutating func takePayload(_ frame: Frame, taken: UInt64, from input: inout ByteBuffer) -> Output? {
        let count = min(Int(frame.count - taken), input.readableBytes)
        if frame.opcode.isControl {
            Self.unmask(&input, count, frame.mask, from: taken, into: &self.control)
        } else {
            let start = self.message.count
            Self.unmask(&input, count, frame.mask, from: taken, into: &self.message)
            guard self.text.accept(self.message[start...]) else { return .violation(.notUTF8) }
        }
        guard taken + UInt64(count) == frame.count else {
            self.state = .payload(frame, taken: taken + UInt64(count))
            return nil
        }
        self.state = .start
        return frame.opcode.isControl ? self.finishControl(frame.opcode) : self.finishText(frame.isFinal)
    }

    private static func unmask(
        _ input: inout ByteBuffer, _ count: Int, _ mask: UInt32, from offset: UInt64, into output: inout [UInt8]
    ) {
        guard count > 0 else { return }
        var place = offset
        let key = mask.bigEndian
        withUnsafeBytes(of: key) { key in
            input.readWithUnsafeReadableBytes { bytes in
                output.reserveCapacity(output.count + count)
                for byte in bytes.prefix(count) {
                    output.append(byte ^ key[Int(place & 3)])
                    place &+= 1
                }
                return count
            }
        }
    }

    private mutating func finishText(_ isFinal: Bool) -> Output? {
        guard isFinal else { return nil }
        guard self.text.isAtBoundary else { return .violation(.notUTF8) }
        self.isInMessage = false
        defer { self.message = [] }
        return .text(self.message)
    }

    private mutating func finishControl(_ opcode: Opcode) -> Output {
        defer { self.control = [] }
        switch opcode {
        case .ping: return .ping(self.control)
        case .pong: return .pong
        case .close, .continuation, .text, .binary: return Self.close(self.control)
        }
    }

    private static func close(_ payload: [UInt8]) -> Output {
        guard !payload.isEmpty else { return .close(nil) }
        guard payload.count >= 2 else { return .violation(.protocolError) }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        switch code {
        case 1_000...1_003, 1_007...1_014, 3_000...4_999: break
        default: return .violation(.protocolError)
        }
        var reason = UTF8Validator()
        guard reason.accept(payload[2...]), reason.isAtBoundary else { return .violation(.notUTF8) }
        return .close(code)
    }
}
