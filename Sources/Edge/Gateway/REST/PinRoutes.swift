// Messages that a channel keeps in view.

extension RestService {
    var pinRoutes: [RestRoute] { [] }
}
