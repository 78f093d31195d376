import ArgumentParser
import Foundation

/// The one program. `roost serve` is a node; the rest talks to one, or prepares one.
@main
struct Roost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "A team's conversations, on one node or many.",
        discussion: """
            Start a node with 'roost serve' and open the printed address in a browser. Start more with '--seeds' \
            and they share the work and keep every message on three of them.
            """,
        subcommands: [
            ServeCommand.self, NodeCommand.self, KeyCommand.self, CtlCommand.self, ChatCommand.self, ConfigCommand.self,
            VersionCommand.self,
        ])

    /// Exit status: 0 done, 1 failed, 2 asked for something that does not exist or makes no sense.
    static func main() async {
        do {
            var command = try Self.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as UsageError {
            Self.complain(error.description)
            Foundation.exit(2)
        } catch {
            let status = Self.exitCode(for: error)
            let message = Self.fullMessage(for: error)
            if status == .success {
                print(message)
                Foundation.exit(0)
            }
            if !message.isEmpty { FileHandle.standardError.write(Data((message + "\n").utf8)) }
            Foundation.exit(status == .validationFailure ? 2 : status.rawValue == 2 ? 2 : 1)
        }
    }

    static func complain(_ message: String) {
        FileHandle.standardError.write(Data("roost: \(message)\n".utf8))
    }
}

/// A setting that makes no sense: exit status 2, with words that name the option.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
