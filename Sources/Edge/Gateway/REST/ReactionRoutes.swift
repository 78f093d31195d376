import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Emoji on messages.

extension RestService {
    var reactionRoutes: [RestRoute] {
        [
            RestRoute(.put, "/v1/messages/:id/reactions/:emoji", .bearer, doc: .addReaction) { call in
                let message = try call.pathMessageID()
                let emoji = try Self.emoji(call)
                guard EmojiRule.isAddable(emoji) else { throw Problem(.notFound) }
                let result = try await self.perform(.react(message, emoji: emoji, by: try call.actor, nil))
                guard case .reactions(let groups) = result else { throw Problem(.internal) }
                return .json { writer in
                    writer.beginObject()
                    writer.key("items")
                    writer.beginArray()
                    for group in groups { writer.reactions(group) }
                    writer.endArray()
                    writer.endObject()
                }
            },
            RestRoute(.delete, "/v1/messages/:id/reactions/:emoji", .bearer, doc: .removeReaction) { call in
                let message = try call.pathMessageID()
                let emoji = try Self.emoji(call)
                _ = try await self.perform(.unreact(message, emoji: emoji, by: try call.actor, nil))
                return .noContent
            },
            RestRoute(.get, "/v1/messages/:id/reactions", .bearer, doc: .listReactions) {
                try await self.listReactions($0)
            },
        ]
    }

    private static func emoji(_ call: RestCall) throws(Problem) -> String {
        guard let part = call.context.parameters.get("emoji"), let emoji = EmojiRule.normal(pathPart: part) else {
            throw Problem(.notFound)
        }
        return emoji
    }

    private func listReactions(_ call: RestCall) async throws -> RestAnswer {
        let message = try call.pathMessageID()
        let actor = try call.actor
        let page = ListPage(
            name: "reactions \(message)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let limit = Int(try call.limit())
        let after = try page.position(call.query["cursor"]) { $0 }
        guard case .reactions(let groups) = try await self.answer(.reactions(message, viewer: actor), call.consistency)
        else { throw Problem(.internal) }
        // Behind the group that was last; one that has gone since was before all that are left or is missed by nobody.
        let start = after.flatMap { after in groups.firstIndex { $0.emoji == after }.map { $0 + 1 } } ?? 0
        let items = Array(groups[start...].prefix(limit))
        let next = start + items.count < groups.count ? items.last?.emoji : nil
        return .json { writer in
            page.write(items, next: next, to: &writer) { $0.reactions($1) }
        }
    }
}
