// Invites to sign up.

extension RestService {
    var inviteRoutes: [RestRoute] { [] }
}
