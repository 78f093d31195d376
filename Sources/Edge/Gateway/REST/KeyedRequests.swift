import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Identity
import Logging
import NIOCore

// Requests that may come twice under one `Idempotency-Key`, on whatever nodes: the caller's shard remembers the key, and
// the answer once there is one.

extension RestService {
    /// Every signed-in request passes here.
    ///
    /// The first request of a key is carried out and its answer kept, errors of the caller's included. One that comes
    /// while the first is under way, or after it was cut off, is carried out too: what it makes has the same ids. What
    /// is wrong with such a repetition is not kept: the first may have been carried out, and have an answer of its own.
    func carryOut(_ call: RestCall, by route: RestRoute) async throws -> RestAnswer {
        // What signs in and out is never answered from memory.
        guard route.keying == .byGateway, !route.path.hasPrefix("/auth/"), let text = try call.idempotencyKey() else {
            return try await route.handler(call)
        }
        let (request, fingerprint) = try await call.collected()
        let key = IdempotencyKey(user: try call.actor.user, key: text, fingerprint: fingerprint)
        let claim = try await self.performRepeatedly(.claimKey(key))
        if case .keyed(isComplete: true) = claim,
            case .keyedAnswer(let stored?) = try await self.answer(.keyedAnswer(key))
        {
            return RestAnswer(stored, requestID: call.context.requestID)
        }
        let isRepetition = if case .keyed = claim { true } else { false }
        let call = try RestCall(
            request: request, context: call.context, actor: try call.actor, isRepetition: isRepetition)
        let answer: RestAnswer
        do {
            answer = try await route.handler(call)
        } catch let problem as Problem where problem.isWorthKeeping && !isRepetition {
            answer = .problem(problem, requestID: call.context.requestID)
        }
        await self.keep(answer, under: key, call)
        return answer
    }

    /// Where it can not be kept the next request is carried out again, as one that was cut off.
    private func keep(_ answer: RestAnswer, under key: IdempotencyKey, _ call: RestCall) async {
        guard let stored = StoredAnswer(answer) else { return }
        do {
            _ = try await self.perform(.completeKey(key, stored))
        } catch {
            call.context.logger.debug("an answer was not kept", metadata: ["error": "\(error)"])
        }
    }

    /// For a command that the log is to recognise in all repetitions of a request. That they ask for the same has been
    /// found when the key was claimed.
    func commandKey(of call: RestCall) throws -> IdempotencyKey? {
        try call.idempotencyKey().map { IdempotencyKey(user: try call.actor.user, key: $0, fingerprint: 0) }
    }

    /// The id of what a request makes: the same for every repetition under its key.
    func newID<ID: PrefixedID>(_ type: ID.Type = ID.self, for call: RestCall) throws -> ID {
        guard let text = try call.idempotencyKey() else { return self.newID() }
        return try self.secrets().derivedID(user: try call.actor.user, idempotencyKey: text)
    }
}

extension RestCall {
    /// The request with its body in memory, and a hash of what it asks for.
    fileprivate func collected() async throws -> (Request, fingerprint: UInt64) {
        let body = try await RestBody.collect(self.request)
        var request = self.request
        request.body = .init(buffer: body)
        var fingerprint = RequestFingerprint()
        fingerprint.combine(request.method.rawValue)
        fingerprint.combine(request.uri.string)
        fingerprint.combine(String(buffer: body))
        return (request, fingerprint.value)
    }
}

extension Problem {
    /// What would be wrong again. Not what time may change, nor what is wrong with the sign-in.
    fileprivate var isWorthKeeping: Bool {
        switch self.code.status {
        case 401, 408, 429: false
        case let status: status < 500
        }
    }
}

extension StoredAnswer {
    /// nil for an answer that is too long to be kept, or the node's own fault.
    fileprivate init?(_ answer: RestAnswer) {
        guard answer.status.code < 500, answer.body.count <= FormLimits.storedBodyBytesMax else { return nil }
        self.init(status: UInt16(answer.status.code), body: answer.body)
    }
}

extension RestAnswer {
    /// - Parameter requestID: a problem names the request that it answers, which is this one.
    fileprivate init(_ stored: StoredAnswer, requestID: String) {
        let isProblem = stored.status >= 400
        self.init(
            status: .init(code: Int(stored.status)),
            contentType: stored.body.isEmpty ? nil : isProblem ? "application/problem+json" : "application/json",
            body: isProblem ? Self.problem(stored.body, requestID: requestID) : stored.body)
    }

    private static func problem(_ body: [UInt8], requestID: String) -> [UInt8] {
        // This node or another one has written it; what can not be read is given as it is.
        guard case .object(let object)? = try? JSONValue(parsing: body) else { return body }
        let members = object.members.map { member in
            member.name == "request_id" ? .init(name: member.name, value: .string(requestID)) : member
        }
        var writer = JSONWriter()
        writer.value(.object(JSONObject(members)))
        return writer.bytes
    }
}
