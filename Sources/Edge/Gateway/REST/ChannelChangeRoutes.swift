// What changes a channel: its name, its settings, its archive.

extension RestService {
    var channelChangeRoutes: [RestRoute] { [] }
}
