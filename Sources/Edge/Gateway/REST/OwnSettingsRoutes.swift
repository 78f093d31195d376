// A person's own settings.

extension RestService {
    var ownSettingsRoutes: [RestRoute] { [] }
}
