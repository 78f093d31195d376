// Reactions to messages.

extension RestService {
    var reactionRoutes: [RestRoute] { [] }
}
