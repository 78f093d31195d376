import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// A person's own settings.

extension RestService {
    var ownSettingsRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/users/me/settings", .bearer, doc: .getSettings) { call in
                let query = Query.settings(try call.actor.user)
                guard case .settings(let settings) = try await self.answer(query, call.consistency) else {
                    throw Problem(.internal)
                }
                return .json { $0.settings(settings) }
            },
            RestRoute(.put, "/v1/users/me/settings", .bearer, doc: .putSettings) { call in
                let settings = try UserSettings(try await call.object())
                let command = Command.updateSettings(try call.actor.user, settings)
                guard case .settings(let now) = try await self.performRepeatedly(command) else {
                    throw Problem(.internal)
                }
                return .json { $0.settings(now) }
            },
        ]
    }
}
