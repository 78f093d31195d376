import ClientProtocol
import HTTPTypes

/// A line of the table of routes without what carries it out: all that the contract tells.
struct RouteOperation: Sendable {
    let method: HTTPRequest.Method
    /// As in the table, with `:name` for a part that varies.
    let path: String
    let access: RestRoute.Access
    let keying: RestRoute.Keying
    let doc: RouteDoc
}

extension RouteOperation {
    /// The path as the contract spells it, with `{name}` for a part that varies.
    var template: String {
        self.path.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }.joined(separator: "/")
    }

    /// Whether a node looks at `Idempotency-Key` here.
    var takesKey: Bool {
        switch self.keying {
        case .ignored: false
        case .byCommand: true
        // What signs in and out is never answered from memory.
        case .byGateway: !self.path.hasPrefix("/auth/")
        }
    }

    /// Everything that the route may refuse with, in the order of the table of codes.
    ///
    /// Beside what is its own (`RouteDoc.refusals`) that follows from its kind: what reads a body may find it too
    /// large, what asks for a token may find it wrong, what writes may find the disk full.
    var refusals: [ProblemCode] {
        var codes = Set(self.doc.refusals)
        codes.formUnion([.malformed, .addressTooLong, .headersTooLarge, .internal])
        if self.access != .open {
            codes.formUnion([
                .unauthenticated, .invalidToken, .sessionEnded, .rateLimited, .notReady, .unavailable, .overloaded,
            ])
            if self.method != .get { codes.formUnion([.outcomeUnknown, .diskFull]) }
        }
        if self.access == .admin || self.access == .moderator { codes.insert(.forbidden) }
        if self.doc.parameters.contains(where: { $0.place == .path }) { codes.insert(.notFound) }
        if self.doc.parameters.contains(where: \.mayBeWrong) { codes.insert(.invalid) }
        if self.doc.body != nil { codes.insert(.invalid) }
        if self.takesKey { codes.formUnion([.invalid, .idempotencyKeyReused]) }
        if self.doc.body != nil || (self.takesKey && self.keying == .byGateway) {
            codes.formUnion([.timeout, .tooLarge, .unsupportedMediaType])
        }
        return ProblemCode.allCases.filter(codes.contains)
    }
}

extension RouteDoc.Parameter {
    /// Whether there are values that are a 422. What is wrong with a path is a 404.
    fileprivate var mayBeWrong: Bool { self.place == .query && self != .consistency }
}
