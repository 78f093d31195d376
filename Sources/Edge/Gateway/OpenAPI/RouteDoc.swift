import ChatModel
import ClientProtocol

/// What the contract says of a route beside its method, path and access.
struct RouteDoc: Sendable, Hashable {
    /// What the routes are grouped under, in the order of the document.
    enum Tag: String, Sendable, Hashable, CaseIterable {
        case sessions = "Sessions"
        case people = "People"
        case own = "Own things"
        case channels = "Channels"
        case messages = "Messages"
        case threads = "Threads"
        case search = "Search"
        case administration = "Administration"
        case cluster = "Cluster"
        case node = "Node"
    }

    struct Parameter: Sendable, Hashable {
        enum Place: String, Sendable, Hashable {
            case path
            case query
        }
        let name: String
        let place: Place
        let schema: Schema
        let isRequired: Bool
        let summary: String
    }

    struct Body: Sendable, Hashable {
        let schema: Schema
        /// False where no body at all is an empty object.
        let isRequired: Bool
        /// Whether it may also come as a form.
        let isForm: Bool
    }

    struct Answer: Sendable, Hashable {
        let status: Int
        let summary: String
        /// nil for an answer without a body.
        let schema: Schema?
        let contentType: String
    }

    /// Unique among all routes.
    let operation: String
    let tag: Tag
    /// One short sentence.
    let summary: String
    let parameters: [Parameter]
    let body: Body?
    /// Those that say yes.
    let answers: [Answer]
    /// What this route refuses with, beside what its kind refuses with anyway (`RouteOperation.refusals`).
    let refusals: [ProblemCode]

    init(
        _ operation: String, _ tag: Tag, _ summary: String, _ parameters: [Parameter] = [], body: Body? = nil,
        answers: [Answer], refusals: [ProblemCode] = []
    ) {
        self.operation = operation
        self.tag = tag
        self.summary = summary
        self.parameters = parameters
        self.body = body
        self.answers = answers
        self.refusals = refusals
    }
}

extension RouteDoc.Body {
    static func json(_ fields: [Schema.Field]) -> Self {
        .init(schema: .object(fields), isRequired: true, isForm: false)
    }
    static func json(_ schema: Schema) -> Self { .init(schema: schema, isRequired: true, isForm: false) }
    static func optional(_ fields: [Schema.Field]) -> Self {
        .init(schema: .object(fields), isRequired: false, isForm: false)
    }
    static func jsonOrForm(_ fields: [Schema.Field]) -> Self {
        .init(schema: .object(fields), isRequired: true, isForm: true)
    }
}

extension RouteDoc.Answer {
    static func json(_ status: Int, _ schema: Schema, _ summary: String) -> Self {
        .init(status: status, summary: summary, schema: schema, contentType: "application/json")
    }
    static func ok(_ schema: Schema, _ summary: String = "What was asked for.") -> Self {
        .json(200, schema, summary)
    }
    static func created(_ schema: Schema, _ summary: String = "What was made.") -> Self { .json(201, schema, summary) }
    static func accepted(_ schema: Schema) -> Self {
        .json(202, schema, "On disk on a majority; its event is under way.")
    }
    static let noContent = Self(status: 204, summary: "Done.", schema: nil, contentType: "")
}

extension RouteDoc.Parameter {
    static func path(_ name: String, _ schema: Schema, _ summary: String) -> Self {
        .init(name: name, place: .path, schema: schema, isRequired: true, summary: summary)
    }
    static func query(_ name: String, _ schema: Schema, _ summary: String) -> Self {
        .init(name: name, place: .query, schema: schema, isRequired: false, summary: summary)
    }
    static func required(_ name: String, _ schema: Schema, _ summary: String) -> Self {
        .init(name: name, place: .query, schema: schema, isRequired: true, summary: summary)
    }

    static let channel = Self.path("id", .id(ChannelID.self), "The channel.")
    static let message = Self.path("id", .messageID, "The message.")
    static let user = Self.path("id", .id(UserID.self), "The person.")

    static let limit = Self.query(
        "limit", .integer(Int64(RestCall.limitRange.lowerBound)...Int64(RestCall.limitRange.upperBound)),
        "Items of a page at most, \(RestCall.limitDefault) when absent.")
    static let cursor = Self.query("cursor", .text, "The `next_cursor` of the page before, of this very list.")
    static let consistency = Self.query(
        "consistency", .text,
        "`local`: what this node's replicas have, perhaps old; the answer says `Roost-Consistency: local`. Else linearizable."
    )

    /// Of lists that have pages.
    static let page = [Self.limit, .cursor, .consistency]
}
