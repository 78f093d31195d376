import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity
import Telemetry

// What anyone may ask: whether the node lives, whether it serves, what it counts, whose signatures it trusts.

extension RestService {
    var openRoutes: [RestRoute] {
        var routes: [RestRoute] = [
            RestRoute(.get, "/health", .open, doc: .getHealth) { _ in
                .json { writer in
                    writer.beginObject()
                    writer.field("status", "ok")
                    writer.endObject()
                }
            },
            RestRoute(.get, "/ready", .open, doc: .getReadiness) { _ in try self.readiness() },
            RestRoute(.get, "/.well-known/jwks.json", .open, doc: .getKeySet) { _ in try await self.keySet() },
        ]
        if self.settings.servesMetrics {
            routes.append(
                RestRoute(.get, "/metrics", .open, doc: .getMetrics) { _ in
                    RestAnswer(
                        status: .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
                        body: Array(await self.metrics.exposition().utf8))
                })
        }
        return routes
    }

    private func readiness() throws(Problem) -> RestAnswer {
        let readiness = self.chat.readiness
        guard readiness.isReady, self.chat.directory.secrets != nil else {
            let reasons = readiness.reasons.isEmpty ? ["The directory is not there yet."] : readiness.reasons
            throw Problem(.notReady, detail: reasons.joined(separator: " "))
        }
        return .json { writer in
            writer.beginObject()
            writer.field("status", "ready")
            writer.field("node_id", self.chat.nodeID.description)
            Self.write(readiness.condition, to: &writer)
            writer.endObject()
        }
    }

    /// What an operator looks for first; the same figures are at `/metrics`.
    private static func write(_ condition: NodeCondition, to writer: inout JSONWriter) {
        writer.field("disk", condition.disk.rawValue)
        writer.key("snapshots")
        writer.beginObject()
        writer.field("sending", condition.snapshotsSending)
        writer.field("receiving", condition.snapshotsReceiving)
        writer.endObject()
        writer.key("shards")
        writer.beginObject()
        writer.field("refused", condition.shardsRefused.count)
        writer.field("damaged", condition.shardsDamaged)
        writer.field("behind", condition.shardsBehind)
        writer.endObject()
        guard let descriptors = condition.descriptors else { return }
        writer.key("descriptors")
        writer.beginObject()
        writer.field("open", descriptors.open)
        writer.field("limit", descriptors.limit)
        writer.field("refused", descriptors.refused)
        writer.endObject()
    }

    /// `Cache-Control` of the answers that others may keep.
    private static let publicAndSteady = "public, max-age=300"

    private func keySet() async throws(Problem) -> RestAnswer {
        guard let keySet = await self.authenticator.keySet() else { throw Problem(.notReady) }
        var answer = RestAnswer.json(.ok, keySet)
        answer.headers[.cacheControl] = Self.publicAndSteady
        return answer
    }

    /// `GET /openapi.json`: a document about `routes` and itself, made once.
    static func contractRoute(beside routes: [RestRoute]) -> RestRoute {
        let operation = RouteOperation(
            method: .get, path: "/openapi.json", access: .open, keying: .ignored, doc: .getContract)
        var answer = RestAnswer.json(.ok, OpenAPIDocument(routes.map(\.operation) + [operation]).bytes)
        answer.headers[.cacheControl] = Self.publicAndSteady
        return RestRoute(operation) { [answer] _ in answer }
    }
}
