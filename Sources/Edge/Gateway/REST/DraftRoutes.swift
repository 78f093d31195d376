import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What a person has begun to write: one text a channel and thread, on all its devices.

extension RestService {
    var draftRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/users/me/drafts", .bearer, doc: .listDrafts) { call in
                guard case .drafts(let drafts) = try await self.answer(.drafts(try call.actor.user), call.consistency)
                else { throw Problem(.internal) }
                return await .json(texts: drafts.reduce(0) { $0 + $1.text.utf8.count }) { writer in
                    writer.beginObject()
                    writer.key("items")
                    writer.beginArray()
                    for draft in drafts { writer.draft(draft) }
                    writer.endArray()
                    // A hundred at most: all of them are one page.
                    writer.nullField("next_cursor")
                    writer.endObject()
                }
            },
            RestRoute(.put, "/v1/users/me/drafts/:channel_id", .bearer, doc: .putDraft) { try await self.putDraft($0) },
            RestRoute(.delete, "/v1/users/me/drafts/:channel_id", .bearer, doc: .deleteDraft) { call in
                let (channel, thread) = try call.draftPlace()
                _ = try await self.performRepeatedly(.removeDraft(try call.actor.user, channel, thread: thread))
                return .noContent
            },
        ]
    }

    private func putDraft(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let (channel, thread) = try call.draftPlace()
        var fields = FieldReader(try await call.object())
        let text = fields.string("text", .messageText)
        if let problem = fields.problem { throw problem }
        guard let text else { throw Problem(.invalid) }
        _ = try await self.answer(.channel(channel, viewer: actor))
        let draft = Draft(channel: channel, thread: thread, text: text, at: self.now())
        _ = try await self.performRepeatedly(.putDraft(actor.user, draft))
        return .json { $0.draft(draft) }
    }
}

extension RestCall {
    /// The channel of the path and the thread of the query.
    fileprivate func draftPlace() throws(Problem) -> (ChannelID, MessageID?) {
        let channel: ChannelID = try self.pathID("channel_id")
        guard let text = self.query["thread_id"] else { return (channel, nil) }
        guard let thread = MessageID(text), thread.channel == channel, thread.seq > 0 else {
            throw Problem([FieldError(field: "thread_id", detail: "must be a message of the channel")])
        }
        return (channel, thread)
    }
}
