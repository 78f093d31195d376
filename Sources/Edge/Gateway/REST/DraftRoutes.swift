// What a person has begun to write.

extension RestService {
    var draftRoutes: [RestRoute] { [] }
}
