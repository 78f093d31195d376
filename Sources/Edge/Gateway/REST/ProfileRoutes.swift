import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What people say of themselves.

extension RestService {
    var profileRoutes: [RestRoute] {
        [
            RestRoute(.patch, "/v1/users/me", .bearer, doc: .changeOwnUser) { call in
                let actor = try call.actor
                let patch = try ProfilePatch(try await call.object(), now: self.now())
                let command = Command.updateProfile(actor.user, patch, by: actor)
                guard case .profile(let user, let profile) = try await self.performRepeatedly(command) else {
                    throw Problem(.internal)
                }
                return .json { $0.user(user, profile, view: .full) }
            }
        ]
    }

    /// The record without its hash, and what a profile holds beside it.
    func profile(
        of user: UserID, _ consistency: Consistency = .linearizable
    ) async throws -> (UserRecord, ProfileExtra) {
        guard case .profile(let record, let profile) = try await self.answer(.profile(user), consistency) else {
            throw Problem(.internal)
        }
        return (record, profile)
    }
}
