import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes

// What an operator does about the index of texts.

extension RestService {
    /// All nodes make their index anew, beside everything else that they do.
    func rebuildSearch(_ call: RestCall) async throws -> RestAnswer {
        // Written down first: what is done to the cluster must not go unseen.
        _ = try await self.perform(
            .recordAudit(
                AuditNote(
                    actor: try call.actor.user, action: "search.rebuild", target: "", details: [], at: self.now())))
        let rebuild = await self.chat.rebuildSearch()
        return .json(.accepted) { writer in
            writer.beginObject()
            writer.nodes("nodes", rebuild.told)
            writer.nodes("unreached", rebuild.missing)
            writer.endObject()
        }
    }
}

extension JSONWriter {
    fileprivate mutating func nodes(_ name: String, _ nodes: [NodeID]) {
        self.key(name)
        self.beginArray()
        for node in nodes { self.value(node.description) }
        self.endArray()
    }
}

extension RouteDoc {
    static let rebuildSearch = RouteDoc(
        "rebuildSearch", .administration, "Makes the index of texts anew on every node that can be reached.",
        answers: [
            .json(
                202,
                .object([
                    .init("nodes", .described(.array(.text), "Those that have begun.")),
                    .init("unreached", .described(.array(.text), "Those that did not answer.")),
                ]), "Under way; until a shard's index is whole again a search answers `search_behind`.")
        ])
}
