// Who is here.

extension RestService {
    var presenceRoutes: [RestRoute] { [] }
}
