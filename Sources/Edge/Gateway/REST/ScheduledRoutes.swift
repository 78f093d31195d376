import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What a person lets be posted later.

extension RestService {
    var scheduledRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/scheduled", .bearer, doc: .listScheduled) { call in
                let query = Query.scheduled(try call.actor.user)
                guard case .scheduled(let messages) = try await self.answer(query, call.consistency) else {
                    throw Problem(.internal)
                }
                return .json { writer in
                    writer.beginObject()
                    writer.key("items")
                    writer.beginArray()
                    for message in messages { writer.scheduled(message) }
                    writer.endArray()
                    // Twenty at most: all of them are one page.
                    writer.nullField("next_cursor")
                    writer.endObject()
                }
            },
            RestRoute(.post, "/v1/scheduled", .bearer, doc: .schedule) { try await self.schedule($0) },
            RestRoute(.delete, "/v1/scheduled/:id", .bearer, doc: .cancelScheduled) { call in
                _ = try await self.perform(.cancelScheduled(try call.actor.user, try call.pathID()))
                return .noContent
            },
        ]
    }

    /// Whoever may not write to the channel now is told at once; who may not any more then is told by a notification.
    private func schedule(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let id: ScheduledID = try self.newID(for: call)
        // What the first of these requests has made stays made, though the channel may be closed to the author now.
        if call.isRepetition, let known = try await self.scheduled(id, of: actor.user) {
            return .json(.created) { $0.scheduled(known) }
        }
        var fields = FieldReader(try await call.object())
        let draft = MessageDraft(&fields)
        let time = fields.futureTime("send_at", now: self.now())
        if let problem = fields.problem { throw problem }
        guard let draft, let time else { throw Problem(.invalid) }
        let view = try await self.channel(draft.channel, viewer: actor)
        guard view.state.member != nil else { throw Problem(.forbidden) }
        let message = ScheduledMessage(
            id: id, channel: draft.channel, content: draft.content, sendAt: time, createdAt: self.now())
        return try await self.schedule(message, by: actor)
    }

    /// A repetition under the same key finds the first one's message, which may have begun a moment earlier.
    private func schedule(_ message: ScheduledMessage, by actor: Actor) async throws -> RestAnswer {
        do {
            let command = Command.scheduleMessage(actor.user, message, by: actor)
            guard case .scheduled(let message) = try await self.performRepeatedly(command) else {
                throw Problem(.internal)
            }
            return .json(.created) { $0.scheduled(message) }
        } catch let problem as Problem where problem.code == .alreadyExists {
            guard let known = try await self.scheduled(message.id, of: actor.user) else { throw problem }
            return .json(.created) { $0.scheduled(known) }
        }
    }

    private func scheduled(_ id: ScheduledID, of user: UserID) async throws -> ScheduledMessage? {
        guard case .scheduled(let all) = try await self.answer(.scheduled(user)) else { throw Problem(.internal) }
        return all.first { $0.id == id }
    }
}
