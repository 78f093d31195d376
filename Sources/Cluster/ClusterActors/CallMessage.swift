// The messages of the actor system inside the transport's frames.

import ClusterModel

/// What two actor systems say to each other.
///
///     call     1 | call id varint | target u16 | instance varint | milliseconds left u32 | argument
///     one-way  2 | target u16 | instance varint | argument
///     answer   3 | call id varint | result
///     failure  4 | call id varint | CallError
///     part     5 | call id varint | next bytes of the result
///
/// A result that no frame holds comes in parts, of which the answer brings the last.
///
/// The actor's kind follows from the target. Arguments and results run to the end of the message.
enum CallMessage {
    /// The head of a message; the reader stands behind it.
    enum Head: Sendable, Equatable {
        case call(id: UInt64, target: UInt16, instance: UInt64, millisecondsLeft: UInt32)
        case oneWay(target: UInt16, instance: UInt64)
        case answer(id: UInt64)
        case failure(id: UInt64, CallError)
        case part(id: UInt64)
    }

    /// Of a result with all its parts: a page of two hundred of the longest messages, with room.
    static let resultBytesMax = 32 << 20
    /// Bytes of a result that travel at once, where it needs more than one frame: others' answers go between them.
    static let partBytesMax = 256 << 10

    static func write(_ head: Head, into writer: inout ByteWriter) {
        switch head {
        case .call(let id, let target, let instance, let millisecondsLeft):
            writer.write(UInt8(1))
            writer.writeVariable(id)
            writer.write(target)
            writer.writeVariable(instance)
            writer.write(millisecondsLeft)
        case .oneWay(let target, let instance):
            writer.write(UInt8(2))
            writer.write(target)
            writer.writeVariable(instance)
        case .answer(let id):
            writer.write(UInt8(3))
            writer.writeVariable(id)
        case .failure(let id, let error):
            writer.write(UInt8(4))
            writer.writeVariable(id)
            writer.write(error)
        case .part(let id):
            writer.write(UInt8(5))
            writer.writeVariable(id)
        }
    }

    static func readHead(_ reader: inout ByteReader) throws(WireError) -> Head {
        switch try reader.read(UInt8.self) {
        case 1:
            return .call(
                id: try reader.readVariable(), target: try reader.read(), instance: try reader.readVariable(),
                millisecondsLeft: try reader.read())
        case 2: return .oneWay(target: try reader.read(), instance: try reader.readVariable())
        case 3: return .answer(id: try reader.readVariable())
        case 4: return .failure(id: try reader.readVariable(), try reader.read(CallError.self))
        case 5: return .part(id: try reader.readVariable())
        case let kind: throw .unknownKind(UInt64(kind), of: "CallMessage")
        }
    }

    /// The argument is encoded right behind the head.
    static func message(_ head: Head, _ body: some Wire) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 1_024)
        Self.write(head, into: &writer)
        writer.write(body)
        return writer.bytes
    }

    static func message(_ head: Head, _ body: [UInt8] = []) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: body.count + 32)
        Self.write(head, into: &writer)
        body.withUnsafeBytes { writer.append(raw: $0) }
        return writer.bytes
    }
}
