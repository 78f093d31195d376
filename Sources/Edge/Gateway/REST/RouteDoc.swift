/// What the contract says of a route beside its method, path and access.
struct RouteDoc: Sendable, Hashable {
    struct Parameter: Sendable, Hashable {
        enum Place: String, Sendable, Hashable {
            case path
            case query
            case header
        }
        let name: String
        let place: Place
        let schema: Schema
        var isRequired = false
        var summary = ""
    }

    struct Answer: Sendable, Hashable {
        let status: Int
        /// nil for an answer without a body.
        let schema: Schema?
    }

    /// Unique among all routes.
    let operation: String
    /// What the route is grouped under.
    let tag: String
    /// One short sentence.
    let summary: String
    var parameters: [Parameter] = []
    /// nil where there is no body.
    var request: Schema?
    var answers: [Answer] = []

    /// Of a route that nobody has described yet.
    static let missing = RouteDoc(operation: "", tag: "", summary: "")
}
