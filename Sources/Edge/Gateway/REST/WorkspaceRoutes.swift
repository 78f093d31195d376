// What administrators set for all.

extension RestService {
    var workspaceRoutes: [RestRoute] { [] }
}
