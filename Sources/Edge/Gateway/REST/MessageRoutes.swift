import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// Writing and reading messages: the two routes that carry a chat.

extension RestService {
    var messageRoutes: [RestRoute] {
        [
            RestRoute(.post, "/v1/messages", .bearer, keying: .byCommand) { try await self.postMessage($0) },
            RestRoute(.get, "/v1/messages", .bearer) { try await self.listMessages($0) },
            RestRoute(.get, "/v1/messages/:id", .bearer) { call in
                let query = Query.message(try call.pathMessageID(), viewer: try call.actor)
                guard case .views(let views, _) = try await self.answer(query, call.consistency),
                    let view = views.first
                else { throw Problem(.notFound) }
                let viewer = try call.actor.user
                return .json { $0.message(view, showsClientID: view.author == viewer) }
            },
        ]
    }

    /// 202: on disk on a majority. A `client_id` is the key of the message; the header counts without one.
    private func postMessage(_ call: RestCall) async throws -> RestAnswer {
        var fields = FieldReader(try await call.object())
        let draft = MessageDraft(&fields)
        if let problem = fields.problem { throw problem }
        guard let draft else { throw Problem(.invalid) }
        let key = draft.content.clientID == nil ? try call.idempotencyKey() : nil
        guard case .message(let event) = try await self.perform(draft.command(by: try call.actor, key: key)) else {
            throw Problem(.internal)
        }
        return .json(.accepted) { $0.message(event, showsClientID: true) }
    }

    /// A page, always oldest first; without a position the newest. It has no cursor: one pages by seq.
    private func listMessages(_ call: RestCall) async throws -> RestAnswer {
        guard let text = call.query["channel_id"] else {
            throw Problem([FieldError(field: "channel_id", detail: "is required")])
        }
        let limit = try call.limit()
        let position = try Self.position(call)
        guard let channel = ChannelID(text) else { throw Problem(.notFound) }
        let viewer = try call.actor
        let query = Query.history(channel, viewer: viewer, position, limit: limit)
        guard case .views(let views, _) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        var writer = JSONWriter(reservingCapacity: 64 + views.count * 640)
        writer.beginObject()
        writer.key("items")
        writer.beginArray()
        for view in views { writer.message(view, showsClientID: view.author == viewer.user) }
        writer.endArray()
        writer.nullField("next_cursor")
        writer.endObject()
        return .json(.ok, writer.bytes)
    }

    private static func position(_ call: RestCall) throws(Problem) -> HistoryPosition {
        let before = try call.number("before")
        let after = try call.number("after")
        let around = try call.number("around")
        switch (before, after, around) {
        case (nil, nil, nil): return .newest
        case (let seq?, nil, nil): return .before(seq)
        case (nil, let seq?, nil): return .after(seq)
        case (nil, nil, let seq?): return .around(seq)
        default: throw Problem([FieldError(field: "before", detail: "excludes 'after' and 'around'")])
        }
    }
}
