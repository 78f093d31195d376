import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// Who is here.

extension RestService {
    /// People at most in one `GET /v1/presence`.
    static let presenceMax = 200

    var presenceRoutes: [RestRoute] {
        [
            RestRoute(.put, "/v1/presence", .bearer, doc: .choosePresence) { try await self.choosePresence($0) },
            RestRoute(.get, "/v1/presence", .bearer, doc: .listPresence) { try await self.listPresence($0) },
        ]
    }

    private func choosePresence(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        var fields = FieldReader(try await call.object())
        let choice = PresenceChoice(&fields)
        if let problem = fields.problem { throw problem }
        guard let choice else { throw Problem(.invalid) }
        let state = try await PresenceChanges(self.chat).choose(choice, by: actor, at: self.now())
        return .json { $0.presence(state) }
    }

    private func listPresence(_ call: RestCall) async throws -> RestAnswer {
        guard let text = call.query["user_ids"] else {
            throw Problem([FieldError(field: "user_ids", detail: "is required")])
        }
        let names = text.split(separator: ",")
        guard names.count <= Self.presenceMax else {
            throw Problem([
                FieldError(field: "user_ids", detail: "must not have more than \(Self.presenceMax) items")
            ])
        }
        let users = names.compactMap { UserID(String($0)) }
        let visible = try await PresenceChanges(self.chat).visible(users, to: try call.actor)
        let states = await self.chat.presence.states(of: visible)
        return .json { writer in
            writer.beginObject()
            writer.key("items")
            writer.beginArray()
            for state in states { writer.presence(state) }
            writer.endArray()
            writer.nullField("next_cursor")
            writer.endObject()
        }
    }
}
