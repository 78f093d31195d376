// Accounts as administrators see them: roles, deactivating.

extension RestService {
    var accountRoutes: [RestRoute] { [] }
}
