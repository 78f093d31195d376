// What a person lets be posted later.

extension RestService {
    var scheduledRoutes: [RestRoute] { [] }
}
