import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Names for emoji.

extension RestService {
    var emojiRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/emoji", .bearer, doc: .listEmoji) { try await self.listEmoji($0) },
            RestRoute(.post, "/v1/emoji", .bearer, doc: .putEmoji) { call in
                let actor = try call.actor
                let request = try EmojiRequest(try await call.object())
                let emoji = EmojiRecord(
                    name: request.name, alias: request.alias, createdBy: actor.user, createdAt: self.now())
                guard case .emoji(let kept) = try await self.performRepeatedly(.putEmoji(emoji, by: actor)) else {
                    throw Problem(.internal)
                }
                return .json(.created) { $0.emoji(kept) }
            },
            RestRoute(.delete, "/v1/emoji/:name", .bearer, doc: .deleteEmoji) { call in
                guard let name = call.context.parameters.get("name"), EmojiRequest.isName(name) else {
                    throw Problem(.notFound)
                }
                _ = try await self.performRepeatedly(.removeEmoji(name: name, by: try call.actor))
                return .noContent
            },
        ]
    }

    private func listEmoji(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let limit = try call.limit()
        let page = ListPage(name: "emoji", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let after = try page.position(call.query["cursor"]) { $0 } ?? ""
        guard case .emoji(let emoji) = try await self.answer(.emoji(after: after, limit: limit), call.consistency)
        else { throw Problem(.internal) }
        let next = emoji.count == Int(limit) ? emoji.last?.name : nil
        return .json { writer in page.write(emoji, next: next, to: &writer) { $0.emoji($1) } }
    }
}
