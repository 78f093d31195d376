import ChatModel
import ClientProtocol
import HTTPTypes
import Testing

@testable import Gateway

@Suite struct OpenAPITests {
    /// The document as a client gets it.
    private static func document(of node: RestNode = RestNode()) async throws -> JSONObject {
        let reply = try await node.send(.get, "/openapi.json")
        try #require(reply.status == 200)
        let limits = JSONLimits(depthMax: 64, valuesMax: 200_000)
        return try #require(try JSONValue(parsing: reply.bytes, limits: limits).asObject)
    }

    private static func operation(_ route: RestRoute, in document: JSONObject) throws -> JSONObject {
        let path = try #require(document["paths"]?.asObject?[route.operation.template]?.asObject, "\(route.path)")
        return try #require(path[route.method.rawValue.lowercased()]?.asObject, "\(route.method) \(route.path)")
    }

    @Test func `everyone is given the contract, which others may keep`() async throws {
        let reply = try await RestNode().send(.get, "/openapi.json")
        #expect(reply.status == 200)
        #expect(reply.headers[.contentType] == "application/json")
        #expect(reply.headers[.cacheControl] == "public, max-age=300")
    }

    @Test func `the contract has every route of the table, and nothing else`() async throws {
        let node = RestNode()
        let document = try await Self.document(of: node)
        for route in node.routes {
            let operation = try Self.operation(route, in: document)
            #expect(operation["operationId"]?.asString == route.operation.doc.operation)
            #expect(operation["security"]?.asArray?.isEmpty == (route.access == .open), "\(route.path)")
        }
        let written = try #require(document["paths"]?.asObject).members.compactMap(\.value.asObject).map(
            \.members.count)
        #expect(written.reduce(0, +) == node.routes.count)
    }

    @Test func `no two operations have the same id`() {
        let ids = RestNode().routes.map(\.operation.doc.operation)
        #expect(Set(ids).count == ids.count)
    }

    @Test func `every part of a path that varies is declared, and nothing that is no part`() {
        for route in RestNode().routes {
            let varying = route.path.split(separator: "/").filter { $0.hasPrefix(":") }.map { String($0.dropFirst()) }
            let declared = route.operation.doc.parameters.filter { $0.place == .path }.map(\.name)
            #expect(declared == varying, "\(route.method) \(route.path)")
        }
    }

    @Test func `a header that counts is declared where it counts`() async throws {
        let node = RestNode()
        let document = try await Self.document(of: node)
        for route in node.routes {
            let parameters = try Self.operation(route, in: document)["parameters"]?.asArray ?? []
            let references = parameters.compactMap { $0.asObject?["$ref"]?.asString }
            let isKeyed = route.method == .post && route.access != .open && !route.path.hasPrefix("/auth/")
            #expect(references == (isKeyed ? ["#/components/parameters/IdempotencyKey"] : []), "\(route.path)")
        }
    }

    @Test func `every reference leads somewhere`() async throws {
        let document = try await Self.document()
        var references: Set<String> = []
        Self.collect(.object(document), into: &references)
        #expect(references.count > 20)
        for reference in references {
            var place: JSONValue? = .object(document)
            try #require(reference.hasPrefix("#/"))
            for part in reference.dropFirst(2).split(separator: "/") { place = place?.asObject?[String(part)] }
            #expect(place?.asObject != nil, "\(reference)")
        }
    }

    private static func collect(_ value: JSONValue, into references: inout Set<String>) {
        switch value {
        case .array(let values): for value in values { Self.collect(value, into: &references) }
        case .object(let object):
            for member in object.members {
                if member.name == "$ref", case .string(let text) = member.value { references.insert(text) }
                Self.collect(member.value, into: &references)
            }
        case .null, .bool, .integer, .number, .string: break
        }
    }

    @Test func `every node writes the same bytes`() async throws {
        let first = try await RestNode().send(.get, "/openapi.json")
        let second = try await RestNode(registration: .closed, rateLimits: true).send(.get, "/openapi.json")
        #expect(first.bytes == second.bytes)
    }

    @Test(arguments: [
        TextRule.username, .password, .displayName, .channelName, .topic, .emailAddress, .messageText, .idempotencyKey,
        .emoji,
    ])
    func `the bounds of a text are those by which it is read`(rule: TextRule) throws {
        guard case .string(let form) = rule.schema else { throw MissingForm() }
        // A mail address has its sign in the middle; of all others any text of letters is one.
        func text(_ length: Int) -> String {
            rule == .emailAddress && length >= 3
                ? "a@" + String(repeating: "a", count: length - 2) : String(repeating: "a", count: length)
        }
        let least = form.lengthMin ?? 0
        let most = try #require(form.lengthMax ?? form.bytesMax)
        #expect(rule.complaint(about: text(least)) == nil)
        #expect(rule.complaint(about: text(most)) == nil)
        #expect(rule.complaint(about: text(most + 1)) != nil)
        if least > 0 { #expect(rule.complaint(about: text(least - 1)) != nil) }
        if form.bytesMax != nil { #expect(rule.complaint(about: text(most - 1) + "é") != nil) }
    }

    private struct MissingForm: Error {}

    @Test(arguments: [("deactivated", "/v1/users"), ("archived", "/v1/channels"), ("unread", "/v1/notifications")])
    func `a switch in the query is true or false`(name: String, path: String) async throws {
        let node = RestNode()
        let token = try await node.register("ada").access
        for value in ["true", "false"] {
            #expect(try await node.send(.get, "\(path)?\(name)=\(value)", token: token).status == 200)
        }
        let reply = try await node.send(.get, "\(path)?\(name)=yes", token: token)
        #expect(reply.status == 422)
        #expect(reply.json["errors"]?.asArray?.first?.asObject?["field"]?.asString == name)
    }
}
