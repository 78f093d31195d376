import ArgumentParser

/// The version of this program, as `roost version` and the logs say it.
enum RoostVersion {
    static let text = "0.1.0"
}

/// `roost version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() {
        print(self.json ? "{\"name\":\"roost\",\"version\":\"\(RoostVersion.text)\"}" : "roost \(RoostVersion.text)")
    }
}
