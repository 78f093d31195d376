import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What changes a message: editing and deleting it, and what it was.

extension RestService {
    var messageChangeRoutes: [RestRoute] {
        [
            RestRoute(.patch, "/v1/messages/:id", .bearer, doc: .editMessage) { call in
                let message = try call.pathMessageID()
                var fields = FieldReader(try await call.object())
                let text = fields.editedText()
                if let problem = fields.problem { throw problem }
                guard let text else { throw Problem(.invalid) }
                let actor = try call.actor
                let view = try await self.messageChanges.edit(message, text, by: actor)
                return .json { $0.message(view, showsClientID: view.author == actor.user) }
            },
            RestRoute(.delete, "/v1/messages/:id", .bearer, doc: .deleteMessage) { call in
                let message = try call.pathMessageID()
                _ = try await self.perform(.deleteMessage(message, asModerator: false, by: try call.actor, nil))
                return .noContent
            },
            RestRoute(.delete, "/v1/admin/messages/:id", .moderator, doc: .deleteMessageAsModerator) { call in
                let message = try call.pathMessageID()
                _ = try await self.perform(.deleteMessage(message, asModerator: true, by: try call.actor, nil))
                return .noContent
            },
            RestRoute(.get, "/v1/messages/:id/history", .bearer, doc: .listEdits) { try await self.messageHistory($0) },
        ]
    }

    var messageChanges: MessageChanges { MessageChanges(self.chat) }

    /// All texts, oldest first; a message that was never edited has its one, a tombstone none.
    private func messageHistory(_ call: RestCall) async throws -> RestAnswer {
        let message = try call.pathMessageID()
        let viewer = try call.actor
        guard case .edits(var edits) = try await self.answer(.edits(message, viewer: viewer), call.consistency) else {
            throw Problem(.internal)
        }
        if edits.isEmpty {
            guard
                case .views(let views, _) = try await self.answer(.message(message, viewer: viewer), call.consistency),
                let view = views.first
            else { throw Problem(.notFound) }
            if view.deletedAt == nil {
                edits = [
                    MessageEdit(
                        seq: view.version == 0 ? view.id.seq : view.version, by: view.author,
                        at: view.editedAt ?? view.createdAt, text: view.content.text)
                ]
            }
        }
        let texts = edits
        return .json { writer in
            writer.beginObject()
            writer.key("items")
            writer.beginArray()
            for edit in texts { writer.edit(edit) }
            writer.endArray()
            writer.nullField("next_cursor")
            writer.endObject()
        }
    }
}
