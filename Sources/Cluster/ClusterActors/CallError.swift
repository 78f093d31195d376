// How a call between nodes fails. Errors cross the wire by code; no type name and no trap does.

import ClusterModel
import PeerTransport

/// Why a call has no answer. After `unreachable`, `deadlineExceeded` and a cancelled task nobody knows whether it was
/// carried out: repeat only what is idempotent.
package enum CallError: Error, Hashable, Sendable {
    /// No connection to the node, or it broke before the answer came.
    case unreachable
    case deadlineExceeded
    /// The other node, or our own call table, does not know the target; or no handler is registered for it there.
    case unknownTarget
    /// No such actor on that node, or one of another type.
    case unknownActor
    /// The argument's bytes could not be decoded there, or the answer's here.
    case badArgument
    /// The outbox to the node or the actor's mailbox is full. Certainly not carried out.
    case overloaded
    /// Over a frame's limit. Certainly not carried out.
    case tooLarge
    /// The method itself threw. Code 0 is an error without a code of its own; `detail` is for logs.
    case application(code: UInt16, detail: String)
}

/// An error that a distributed method may throw to another node and that means the same there.
package protocol ApplicationError: Error {
    /// From 1; unique within the service.
    var code: UInt16 { get }
    /// At most 512 bytes of it cross the wire.
    var detail: String { get }
    init?(code: UInt16, detail: String)
}

extension ApplicationError {
    /// The error of this type behind what a call threw: itself when the actor was local, rebuilt from its code when it was
    /// not, nil when it is something else.
    package init?(thrown error: any Error) {
        if let own = error as? Self {
            self = own
        } else if case .application(let code, let detail)? = error as? CallError {
            self.init(code: code, detail: detail)
        } else {
            return nil
        }
    }
}

extension CallError {
    static let detailBytesMax = 512

    /// What a method's error becomes for the other node. A `CallError` of a call that the method made itself is not that
    /// of its caller, save for those that are true of both.
    init(thrownByMethod error: any Error) {
        switch error {
        case let error as any ApplicationError:
            self = .application(code: error.code, detail: Self.bounded(error.detail))
        case CallError.overloaded: self = .overloaded
        case CallError.deadlineExceeded: self = .deadlineExceeded
        default: self = .application(code: 0, detail: Self.bounded("\(type(of: error))"))
        }
    }

    /// Cut at a character, so that it stays UTF-8.
    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > Self.detailBytesMax else { return text }
        var text = String(text.prefix(Self.detailBytesMax))
        while text.utf8.count > Self.detailBytesMax { text.removeLast() }
        return text
    }

    init(_ verdict: SendVerdict) {
        switch verdict {
        case .queued, .notConnected: self = .unreachable
        case .overflow: self = .overloaded
        case .tooLarge: self = .tooLarge
        }
    }
}

extension CallError: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .unreachable: writer.write(UInt8(1))
        case .deadlineExceeded: writer.write(UInt8(2))
        case .unknownTarget: writer.write(UInt8(3))
        case .unknownActor: writer.write(UInt8(4))
        case .badArgument: writer.write(UInt8(5))
        case .overloaded: writer.write(UInt8(6))
        case .application(let code, let detail):
            writer.write(UInt8(7))
            writer.write(code)
            writer.write(Self.bounded(detail))
        case .tooLarge: writer.write(UInt8(8))
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .unreachable
        case 2: self = .deadlineExceeded
        case 3: self = .unknownTarget
        case 4: self = .unknownActor
        case 5: self = .badArgument
        case 6: self = .overloaded
        case 7:
            let code = try reader.read(UInt16.self)
            self = .application(code: code, detail: try reader.read(String.self, max: Self.detailBytesMax))
        case 8: self = .tooLarge
        case let kind: throw .unknownKind(UInt64(kind), of: "CallError")
        }
    }
}
