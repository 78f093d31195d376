// Names that people write between colons.

extension RestService {
    var emojiRoutes: [RestRoute] { [] }
}
