// What a person was told of.

extension RestService {
    var notificationRoutes: [RestRoute] { [] }
}
