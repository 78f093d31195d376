// Reporting a message to the moderators.

extension RestService {
    var flaggingRoutes: [RestRoute] { [] }
}
