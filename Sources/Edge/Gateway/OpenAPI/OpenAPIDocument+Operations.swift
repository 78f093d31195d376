import ClientProtocol

// One operation of the contract, and what operations share.

/// The headers of answers.
enum ContractHeader: String, CaseIterable {
    case requestID = "Request-Id"
    case retryAfter = "Retry-After"
    case rateLimit = "RateLimit"
    case rateLimitPolicy = "RateLimit-Policy"
    case authenticate = "WWW-Authenticate"

    /// The name among the components, which no header's name may be.
    private var component: String { self.rawValue.filter { $0 != "-" } }

    private var summary: String {
        switch self {
        case .requestID: "The name of the request, taken from it or made; it stands in every line of the log."
        case .retryAfter: "Seconds to wait before the next attempt."
        case .rateLimit: "What is left of the budget (draft-ietf-httpapi-ratelimit-headers); where limits are on."
        case .rateLimitPolicy: "The budget; where limits are on."
        case .authenticate: "How to sign in (RFC 6750)."
        }
    }

    private var schema: Schema {
        switch self {
        case .retryAfter: .integer(1...86_400)
        default: .text
        }
    }

    private var isRequired: Bool {
        switch self {
        case .rateLimit, .rateLimitPolicy: false
        case .requestID, .retryAfter, .authenticate: true
        }
    }

    static func writeAll(_ writer: inout JSONWriter) {
        writer.key("headers")
        writer.beginObject()
        for header in Self.allCases {
            writer.key(header.component)
            writer.beginObject()
            writer.field("description", header.summary)
            writer.field("required", header.isRequired)
            writer.key("schema")
            writer.schema(header.schema)
            writer.endObject()
        }
        writer.endObject()
    }

    static func write(_ headers: [ContractHeader], to writer: inout JSONWriter) {
        writer.key("headers")
        writer.beginObject()
        for header in headers {
            writer.key(header.rawValue)
            writer.beginObject()
            writer.field("$ref", "#/components/headers/\(header.component)")
            writer.endObject()
        }
        writer.endObject()
    }
}

extension JSONWriter {
    mutating func operation(_ operation: RouteOperation) {
        let doc = operation.doc
        self.beginObject()
        self.field("operationId", doc.operation)
        self.key("tags")
        self.beginArray()
        self.value(doc.tag.rawValue)
        self.endArray()
        self.field("summary", doc.summary)
        switch operation.access {
        case .open, .bearer: break
        case .moderator: self.field("description", "For moderators and administrators.")
        case .admin: self.field("description", "For administrators.")
        }
        self.security(operation.access)
        self.parameters(of: operation)
        if let body = doc.body { self.body(body) }
        self.answers(of: operation)
        self.endObject()
    }

    private mutating func security(_ access: RestRoute.Access) {
        self.key("security")
        self.beginArray()
        if access != .open {
            self.beginObject()
            self.emptyArrayField("bearer")
            self.endObject()
        }
        self.endArray()
    }

    // MARK: What is asked

    private mutating func parameters(of operation: RouteOperation) {
        guard !operation.doc.parameters.isEmpty || operation.takesKey else { return }
        self.key("parameters")
        self.beginArray()
        for parameter in operation.doc.parameters {
            self.beginObject()
            self.field("name", parameter.name)
            self.field("in", parameter.place.rawValue)
            self.field("description", parameter.summary)
            self.field("required", parameter.isRequired)
            self.key("schema")
            self.schema(parameter.schema)
            self.endObject()
        }
        if operation.takesKey {
            self.beginObject()
            self.field("$ref", "#/components/parameters/IdempotencyKey")
            self.endObject()
        }
        self.endArray()
    }

    mutating func idempotencyKeyParameter() {
        self.beginObject()
        self.field("name", "Idempotency-Key")
        self.field("in", "header")
        self.field(
            "description",
            "Remembered for 24 hours, per user: a repetition is answered as the first request was, and does nothing.")
        self.field("required", false)
        self.key("schema")
        self.schema(TextRule.idempotencyKey.schema)
        self.endObject()
    }

    private mutating func body(_ body: RouteDoc.Body) {
        self.key("requestBody")
        self.beginObject()
        self.field("required", body.isRequired)
        self.key("content")
        self.beginObject()
        for type in ["application/json"] + (body.isForm ? ["application/x-www-form-urlencoded"] : []) {
            self.content(type, body.schema)
        }
        self.endObject()
        self.endObject()
    }

    private mutating func content(_ type: String, _ schema: Schema) {
        self.key(type)
        self.beginObject()
        self.key("schema")
        self.schema(schema)
        self.endObject()
    }

    // MARK: What is answered

    private mutating func answers(of operation: RouteOperation) {
        self.key("responses")
        self.beginObject()
        for answer in operation.doc.answers {
            self.key("\(answer.status)")
            self.beginObject()
            self.field("description", answer.summary)
            ContractHeader.write(
                operation.access == .open ? [.requestID] : [.requestID, .rateLimit, .rateLimitPolicy], to: &self)
            if let schema = answer.schema {
                self.key("content")
                self.beginObject()
                self.content(answer.contentType, schema)
                self.endObject()
            }
            self.endObject()
        }
        let refusals = operation.refusals
        for status in Set(refusals.map(\.status)).sorted() {
            self.key("\(status)")
            self.beginObject()
            self.field("$ref", "#/components/responses/Problem\(status)")
            self.field(
                "description",
                refusals.filter { $0.status == status }.map { "`\($0.rawValue)`" }.joined(separator: ", "))
            self.endObject()
        }
        self.endObject()
    }

    /// - Parameter codes: those of one status.
    mutating func problemAnswer(_ codes: [ProblemCode]) {
        let status = codes.first?.status
        var headers: [ContractHeader] = [.requestID]
        if status == 401 { headers.append(.authenticate) }
        if status == 429 { headers += [.retryAfter, .rateLimit, .rateLimitPolicy] }
        if status == 503 { headers.append(.retryAfter) }
        self.beginObject()
        self.field("description", codes.map { "`\($0.rawValue)`: \($0.title)" }.joined(separator: " "))
        ContractHeader.write(headers, to: &self)
        self.key("content")
        self.beginObject()
        self.content("application/problem+json", .ref(.problem))
        self.endObject()
        self.endObject()
    }
}
