// What changes a message: editing and deleting it, and what it was.

extension RestService {
    var messageChangeRoutes: [RestRoute] { [] }
}
