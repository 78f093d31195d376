// Who did what with rights and settings.

extension RestService {
    var auditRoutes: [RestRoute] { [] }
}
