// The pieces that the compiler's distributed thunks talk to.

import ClusterModel
import Distributed

/// Gathers a call's arguments. Generic methods are refused: a type's name means nothing on another node.
package struct CallInvocationEncoder: DistributedTargetInvocationEncoder, Sendable {
    package typealias SerializationRequirement = any Wire

    private(set) var arguments = ByteWriter()

    package mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        throw CallError.unknownTarget
    }
    package mutating func recordArgument<Value: Wire>(_ argument: RemoteCallArgument<Value>) throws {
        self.arguments.write(argument.value)
    }
    package mutating func recordReturnType<Answer: Wire>(_ type: Answer.Type) throws {}
    package mutating func recordErrorType<Failure: Error>(_ type: Failure.Type) throws {}
    package mutating func doneRecording() throws {}
}

/// Demanded by the protocol. Calls are dispatched by hand (CallHandlers.swift), so it only ever reads arguments.
package struct CallInvocationDecoder: DistributedTargetInvocationDecoder {
    package typealias SerializationRequirement = any Wire

    private var reader: ByteReader

    init(_ reader: ByteReader) { self.reader = reader }

    package mutating func decodeGenericSubstitutions() throws -> [any Any.Type] { [] }
    package mutating func decodeNextArgument<Argument: Wire>() throws -> Argument { try self.reader.read() }
    package mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
    package mutating func decodeReturnType() throws -> (any Any.Type)? { nil }
}

/// Demanded by the protocol; sends a call's outcome back.
package struct CallResultHandler: DistributedTargetInvocationResultHandler {
    package typealias SerializationRequirement = any Wire

    let answer: AnswerPath

    package func onReturn<Success: Wire>(value: Success) async throws {
        _ = self.answer.answer(value.encoded)
    }
    package func onReturnVoid() async throws {
        _ = self.answer.answer([])
    }
    package func onThrow<Failure: Error>(error: Failure) async throws {
        self.answer.fail(CallError(thrownByMethod: error))
    }
}
