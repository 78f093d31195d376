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
            RestRoute(.post, "/v1/messages", .bearer, keying: .byCommand, doc: .postMessage) {
                try await self.postMessage($0)
            },
            RestRoute(.get, "/v1/messages", .bearer, doc: .listMessages) { try await self.listMessages($0) },
            RestRoute(.get, "/v1/messages/:id", .bearer, doc: .getMessage) { call in
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
        return try await self.post(draft, call)
    }

    /// - Parameter whenInvalid: throws what is meant by a draft that the channel finds invalid; else that is said.
    func post(
        _ draft: MessageDraft, _ call: RestCall, whenInvalid: @Sendable () async throws -> Void = {}
    ) async throws -> RestAnswer {
        let actor = try call.actor
        let key = draft.content.clientID == nil ? try call.idempotencyKey() : nil
        let addressed = try await self.messageChanges.addressed(draft, by: actor)
        switch try await self.chat.perform(addressed.command(by: actor, key: key)) {
        case .message(let event): return .json(.accepted) { $0.message(event, showsClientID: true) }
        case .refused(.invalid):
            try await whenInvalid()
            throw Problem([FieldError(field: "thread_id", detail: "must be a message that is no reply itself")])
        case .refused(let refusal): throw Problem(refusal)
        default: throw Problem(.internal)
        }
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
        return await .json(texts: views.textBytes) { writer in
            writer.beginObject()
            writer.key("items")
            writer.beginArray()
            for view in views { writer.message(view, showsClientID: view.author == viewer.user) }
            writer.endArray()
            writer.nullField("next_cursor")
            writer.endObject()
        }
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

extension Collection where Element == MessageView {
    var textBytes: Int { self.reduce(0) { $0 + $1.content.text.utf8.count } }
}
