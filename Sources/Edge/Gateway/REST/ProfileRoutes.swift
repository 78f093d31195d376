// What people say of themselves, and finding each other.

extension RestService {
    var profileRoutes: [RestRoute] { [] }
}
