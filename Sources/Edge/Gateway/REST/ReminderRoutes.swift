import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What a person wants to be told at a time.

extension RestService {
    var reminderRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/reminders", .bearer, doc: .listReminders) { call in
                let query = Query.reminders(try call.actor.user)
                guard case .reminders(let reminders) = try await self.answer(query, call.consistency) else {
                    throw Problem(.internal)
                }
                return .json { writer in
                    writer.beginObject()
                    writer.key("items")
                    writer.beginArray()
                    for reminder in reminders { writer.reminder(reminder) }
                    writer.endArray()
                    // A hundred at most: all of them are one page.
                    writer.nullField("next_cursor")
                    writer.endObject()
                }
            },
            RestRoute(.post, "/v1/reminders", .bearer, doc: .setReminder) { try await self.setReminder($0) },
            RestRoute(.delete, "/v1/reminders/:id", .bearer, doc: .cancelReminder) { call in
                _ = try await self.perform(.cancelReminder(try call.actor.user, try call.pathID()))
                return .noContent
            },
        ]
    }

    private func setReminder(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let id: ReminderID = try self.newID(for: call)
        // What the first of these requests has set stays set, though its message may be gone now.
        if call.isRepetition, let known = try await self.reminder(id, of: actor.user) {
            return .json(.created) { $0.reminder(known) }
        }
        let request = try ReminderRequest(try await call.object(), now: self.now())
        if let message = request.message { _ = try await self.answer(.message(message, viewer: actor)) }
        let reminder = Reminder(id: id, message: request.message, text: request.text, at: request.at)
        guard case .reminder(let set) = try await self.performRepeatedly(.setReminder(actor.user, reminder)) else {
            throw Problem(.internal)
        }
        return .json(.created) { $0.reminder(set) }
    }

    private func reminder(_ id: ReminderID, of user: UserID) async throws -> Reminder? {
        guard case .reminders(let all) = try await self.answer(.reminders(user)) else { throw Problem(.internal) }
        return all.first { $0.id == id }
    }
}
