import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

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
        let page = ListPage(name: "edits \(message)", reader: viewer.user, cursors: SignedCursors(try self.secrets()))
        let limit = Int(try call.limit())
        let after = try page.position(call.query["cursor"]) { UInt64($0) } ?? 0
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
        let left = edits.drop { $0.seq <= after }
        let items = Array(left.prefix(limit))
        let next = items.count < left.count ? items.last.map { "\($0.seq)" } : nil
        return await .json(texts: items.reduce(0) { $0 + $1.text.utf8.count }) { writer in
            page.write(items, next: next, to: &writer) { $0.edit($1) }
        }
    }
}
