// How far a person has read.

extension RestService {
    var readRoutes: [RestRoute] { [] }
}
