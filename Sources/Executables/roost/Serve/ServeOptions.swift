import ArgumentParser

/// The options of `roost serve` as they stand on the command line. Defaults are in `ServeSettings`, since
/// the environment and the file come in between.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where this node keeps everything (default: ./roost-data).", valueName: "dir"))
    var data: String?
    @Option(help: ArgumentHelp("Where clients connect (default: 127.0.0.1:8080).", valueName: "host:port"))
    var listen: String?
    @Option(help: ArgumentHelp("Where other nodes connect (default: 127.0.0.1:7400).", valueName: "host:port"))
    var peerListen: String?
    @Option(help: ArgumentHelp("The peer address to tell others (default: as --peer-listen).", valueName: "host:port"))
    var peerAdvertise: String?
    @Option(
        help: ArgumentHelp(
            "The same ordered list on every node; the first founds (default: only this node).",
            valueName: "host:port,…"))
    var seeds: String?
    @Option(
        help: ArgumentHelp(
            "The shared secret of the cluster, mode 0600 (default: made in the data directory).", valueName: "file"))
    var clusterKeyFile: String?
    @Option(help: ArgumentHelp("A JSON file with any of these options as keys.", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("Certificate chain for clients, PEM.", valueName: "file"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("Private key of the certificate, PEM, mode 0600.", valueName: "file"))
    var tlsKey: String?
    @Option(help: ArgumentHelp("Serve /metrics here instead of on the clients' port.", valueName: "host:port"))
    var metricsListen: String?
    @Option(
        help: ArgumentHelp("Who may sign up at founding: open, invite or closed (default: invite).", valueName: "mode"))
    var registration: String?
    @Option(help: ArgumentHelp("on or off (default: on).", valueName: "switch"))
    var rateLimits: String?
    @Option(help: ArgumentHelp("trace, debug, info, notice, warning or error (default: info).", valueName: "level"))
    var logLevel: String?
    @Option(help: ArgumentHelp("text or json (default: text).", valueName: "format"))
    var logFormat: String?
    @Option(
        help: ArgumentHelp("Groups that channels are spread over, fixed at founding (default: 32).", valueName: "n"))
    var shards: String?
    @Option(
        help: ArgumentHelp(
            "A node that nobody has heard of for so long is given up and its shards are made anew elsewhere (default: 300).",
            valueName: "seconds"))
    var deadAfter: String?
    @Option(
        help: ArgumentHelp(
            "The versions to say that this program supports, to rehearse an upgrade.", valueName: "low-high",
            visibility: .hidden))
    var featureVersions: String?
}
