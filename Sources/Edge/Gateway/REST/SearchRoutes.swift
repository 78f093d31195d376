// Finding messages, files and people.

extension RestService {
    var searchRoutes: [RestRoute] { [] }
}
