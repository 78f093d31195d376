// Replies to a message.

extension RestService {
    var threadRoutes: [RestRoute] { [] }
}
