import ArgumentParser
import Foundation
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a node.",
        discussion: """
            Without options: one node on 127.0.0.1:8080 that founds a cluster of its own in ./roost-data. Every \
            option is also an environment variable (ROOST_PEER_LISTEN) and a key of the configuration file \
            ("peer-listen"); the command line wins over the environment, the environment over the file.
            """)

    @OptionGroup var options: ServeOptions

    func run() async throws {
        Allocator.keepLargeBuffers()
        let settings = try await ServeSettings.resolve(self.options)
        settings.bootstrapLogging()
        let node = try await Node.start(settings)
        try await node.runUntilStopped()
    }
}

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or print the effective settings.",
        subcommands: [Check.self, Print.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say whether a node would start with these settings.")
        @OptionGroup var options: ServeOptions

        func run() async throws {
            _ = try await ServeSettings.resolve(self.options)
            print("ok")
        }
    }

    struct Print: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the settings in force, secrets masked.")
        @OptionGroup var options: ServeOptions
        @Flag(help: "Print as JSON, in the form of a configuration file.") var json = false

        func run() async throws {
            let settings = try await ServeSettings.resolve(self.options)
            let rows = settings.rows
            if self.json {
                let object = Dictionary(rows, uniquingKeysWith: { first, _ in first })
                let data = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
                print(String(decoding: data, as: UTF8.self))
            } else {
                for (name, value) in rows { print("\(name) = \(value)") }
            }
        }
    }
}
