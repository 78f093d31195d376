import ClientProtocol
import HTTPTypes

/// The contract in OpenAPI 3.1, made from the table of routes: nothing is served that does not stand in it, and the
/// same table gives the same bytes.
struct OpenAPIDocument {
    private let operations: [RouteOperation]

    init(_ operations: [RouteOperation]) { self.operations = operations }

    /// The document as JSON.
    var bytes: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256 * 1_024)
        writer.beginObject()
        writer.field("openapi", "3.1.0")
        Self.writeInfo(&writer)
        writer.key("servers")
        writer.beginArray()
        writer.beginObject()
        writer.field("url", "/")
        writer.endObject()
        writer.endArray()
        Self.writeTags(&writer)
        self.writePaths(&writer)
        self.writeComponents(&writer)
        writer.endObject()
        return writer.bytes
    }

    private static let description = """
        Team chat that any node of a cluster serves alike. Times are RFC 3339 in UTC with milliseconds, ids are opaque. \
        A field or query parameter that is not known is ignored, and null counts as absent unless something else is \
        said. A success is on disk on a majority; an error means that nothing was applied, but for `outcome_unknown`. \
        HEAD works wherever GET does. The socket at `GET /ws` is described in docs/socket.md.
        """

    private static func writeInfo(_ writer: inout JSONWriter) {
        writer.key("info")
        writer.beginObject()
        writer.field("title", "Roost")
        writer.field("version", "1")
        writer.field("description", Self.description)
        writer.endObject()
    }

    private static func writeTags(_ writer: inout JSONWriter) {
        writer.key("tags")
        writer.beginArray()
        for tag in RouteDoc.Tag.allCases {
            writer.beginObject()
            writer.field("name", tag.rawValue)
            writer.endObject()
        }
        writer.endArray()
    }

    // MARK: Paths

    /// Each path once, where its first route stands in the table.
    private func writePaths(_ writer: inout JSONWriter) {
        let groups = Dictionary(grouping: self.operations, by: \.template)
        var written: Set<String> = []
        writer.key("paths")
        writer.beginObject()
        for template in self.operations.map(\.template) where written.insert(template).inserted {
            writer.key(template)
            writer.beginObject()
            for operation in groups[template] ?? [] {
                writer.key(operation.method.rawValue.lowercased())
                writer.operation(operation)
            }
            writer.endObject()
        }
        writer.endObject()
    }

    // MARK: Components

    private func writeComponents(_ writer: inout JSONWriter) {
        writer.key("components")
        writer.beginObject()
        writer.key("securitySchemes")
        writer.beginObject()
        writer.key("bearer")
        writer.beginObject()
        writer.field("type", "http")
        writer.field("scheme", "bearer")
        writer.field("bearerFormat", "JWT")
        writer.endObject()
        writer.endObject()
        writer.key("parameters")
        writer.beginObject()
        writer.key("IdempotencyKey")
        writer.idempotencyKeyParameter()
        writer.endObject()
        ContractHeader.writeAll(&writer)
        self.writeProblems(&writer)
        self.writeSchemas(&writer)
        writer.endObject()
    }

    /// One answer for each status that refuses.
    private func writeProblems(_ writer: inout JSONWriter) {
        let codes = Set(self.operations.flatMap(\.refusals))
        writer.key("responses")
        writer.beginObject()
        for status in Set(codes.map(\.status)).sorted() {
            writer.key("Problem\(status)")
            writer.problemAnswer(ProblemCode.allCases.filter { $0.status == status && codes.contains($0) })
        }
        writer.endObject()
    }

    private func writeSchemas(_ writer: inout JSONWriter) {
        let listed = Set(self.operations.flatMap(\.doc.answers).compactMap(\.listed))
        writer.key("schemas")
        writer.beginObject()
        for component in Component.allCases {
            writer.key(component.rawValue)
            writer.schema(component.schema)
            guard listed.contains(component) else { continue }
            writer.key(component.listName)
            writer.schema(.object(Component.listFields(.ref(component))))
        }
        writer.endObject()
    }
}

extension RouteDoc.Answer {
    fileprivate var listed: Component? {
        if case .list(let component)? = self.schema { component } else { nil }
    }
}
