// What people have reported, and what moderators made of it.

extension RestService {
    var flagQueueRoutes: [RestRoute] { [] }
}
