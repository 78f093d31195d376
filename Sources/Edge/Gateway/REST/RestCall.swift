import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

/// One request as a route's handler sees it.
struct RestCall: Sendable {
    let request: Request
    let context: RestContext
    let query: QueryParameters
    private let authenticatedActor: Actor?
    /// Whether a request under the same key came before this one, and nobody knows what became of it: it may have been
    /// carried out. What finds its work done answers as the first would have.
    let isRepetition: Bool

    init(request: Request, context: RestContext, actor: Actor?, isRepetition: Bool = false) throws(Problem) {
        self.isRepetition = isRepetition
        self.request = request
        self.context = context
        self.authenticatedActor = actor
        guard let text = request.uri.query else {
            self.query = .empty
            return
        }
        guard let query = QueryParameters(parsing: text) else {
            throw Problem(.malformed, detail: "The query can not be decoded.")
        }
        self.query = query
    }

    /// Who asks. Routes that are not open have one.
    var actor: Actor {
        get throws(Problem) {
            guard let actor = self.authenticatedActor else { throw Problem(.unauthenticated) }
            return actor
        }
    }

    func object() async throws -> JSONObject { try await RestBody.object(self.request) }

    /// The peer's address as limits count it.
    var address: ConnectionLedger.Key { ConnectionLedger.Key(self.context.remoteAddress) }

    var consistency: Consistency { self.query["consistency"] == "local" ? .local : .linearizable }

    // MARK: Ids

    /// The id in the path. What is no id names nothing: 404, as every other thing that is not there.
    func pathID<ID: PrefixedID>(_ name: String = "id") throws(Problem) -> ID {
        guard let text = self.context.parameters.get(name), let id = ID(text) else { throw Problem(.notFound) }
        return id
    }

    func pathMessageID() throws(Problem) -> MessageID {
        guard let text = self.context.parameters.get("id"), let id = MessageID(text) else { throw Problem(.notFound) }
        return id
    }

    // MARK: Parameters

    static let limitRange: ClosedRange<UInt64> = 1...200
    static let limitDefault: UInt64 = 50

    /// `?limit=`, 1–200, 50 when absent.
    func limit() throws(Problem) -> UInt32 {
        UInt32(try self.number("limit", in: Self.limitRange) ?? Self.limitDefault)
    }

    /// A whole number without sign, nil when absent.
    func number(_ name: String, in range: ClosedRange<UInt64> = 0...UInt64(Int64.max)) throws(Problem) -> UInt64? {
        guard let text = self.query[name] else { return nil }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text),
            range.contains(number)
        else {
            let detail = "must be a number from \(range.lowerBound) to \(range.upperBound)"
            throw Problem([FieldError(field: name, detail: detail)])
        }
        return number
    }

    /// `true` or `false`, false when absent.
    func flag(_ name: String) throws(Problem) -> Bool {
        switch self.query[name] {
        case nil, "false": return false
        case "true": return true
        default: throw Problem([FieldError(field: name, detail: "must be true or false")])
        }
    }

    /// `Idempotency-Key`, nil when absent.
    func idempotencyKey() throws(Problem) -> String? {
        guard let key = self.request.headers[.idempotencyKey] else { return nil }
        if let complaint = TextRule.idempotencyKey.complaint(about: key) {
            throw Problem([FieldError(field: "Idempotency-Key", detail: complaint)])
        }
        return key
    }
}
