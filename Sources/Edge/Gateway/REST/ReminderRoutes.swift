// What a person wants to be told at a time.

extension RestService {
    var reminderRoutes: [RestRoute] { [] }
}
