import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Replies to a message, and who follows them.

extension RestService {
    var threadRoutes: [RestRoute] {
        [
            RestRoute(.post, "/v1/threads/:id/replies", .bearer, keying: .byCommand, doc: .postReply) {
                try await self.reply($0)
            },
            RestRoute(.get, "/v1/threads/:id", .bearer, doc: .getThread) { try await self.thread($0) },
            RestRoute(.put, "/v1/threads/:id/follow", .bearer, doc: .followThread) { call in
                let message = try call.pathMessageID()
                let result = try await self.perform(.followThread(message, isFollowing: true, by: try call.actor))
                return try Self.threadState(result)
            },
            RestRoute(.delete, "/v1/threads/:id/follow", .bearer, doc: .unfollowThread) { call in
                let message = try call.pathMessageID()
                _ = try await self.perform(.followThread(message, isFollowing: false, by: try call.actor))
                return .noContent
            },
            RestRoute(.put, "/v1/threads/:id/read", .bearer, doc: .readThread) { call in
                let message = try call.pathMessageID()
                var fields = FieldReader(try await call.object())
                let seq = fields.requiredInteger("seq", in: 0...Int64.max)
                if let problem = fields.problem { throw problem }
                guard let seq else { throw Problem(.invalid) }
                let command = Command.readThread(message, seq: UInt64(seq), by: try call.actor)
                return try Self.threadState(try await self.perform(command))
            },
        ]
    }

    private static func threadState(_ result: CommandResult) throws(Problem) -> RestAnswer {
        guard case .thread(_, let state) = result else { throw Problem(.internal) }
        return .json { writer in
            writer.beginObject()
            writer.threadFields(state)
            writer.endObject()
        }
    }

    /// 202, as a message is.
    private func reply(_ call: RestCall) async throws -> RestAnswer {
        let root = try call.pathMessageID()
        var fields = FieldReader(try await call.object())
        let draft = MessageDraft(&fields, replyTo: root)
        if let problem = fields.problem { throw problem }
        guard let draft else { throw Problem(.invalid) }
        return try await self.post(draft, call) {
            // There is a channel; is there such a message in it? What the path does not name is a 404.
            _ = try await self.answer(.message(root, viewer: try call.actor))
        }
    }

    /// The root, and the replies after the cursor, oldest first.
    private func thread(_ call: RestCall) async throws -> RestAnswer {
        let message = try call.pathMessageID()
        let actor = try call.actor
        let page = ListPage(name: "thread \(message)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let limit = try call.limit()
        let after = try page.position(call.query["cursor"]) { UInt64($0) } ?? 0
        let query = Query.thread(message, viewer: actor, after: after, limit: limit)
        guard case .thread(let root, let replies, let state) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        let next = replies.count == Int(limit) ? replies.last.map { "\($0.id.seq)" } : nil
        return await .json(texts: replies.textBytes) { writer in
            writer.beginObject()
            writer.key("root")
            writer.message(root, showsClientID: root.author == actor.user)
            writer.key("items")
            writer.beginArray()
            for reply in replies { writer.message(reply, showsClientID: reply.author == actor.user) }
            writer.endArray()
            writer.field("next_cursor", next.map { page.cursors.cursor(at: $0, list: page.name, reader: page.reader) })
            writer.threadFields(state)
            writer.endObject()
        }
    }
}
