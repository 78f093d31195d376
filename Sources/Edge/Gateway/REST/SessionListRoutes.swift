// Signed-in devices.

extension RestService {
    var sessionListRoutes: [RestRoute] { [] }
}
