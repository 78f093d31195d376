// Channels of a few people, and of them only.

extension RestService {
    var directRoutes: [RestRoute] { [] }
}
