import ArgumentParser
import Foundation

/// Runs a root command with the exit statuses of every Roost program: 0 done, 1 failed, 2 used wrongly.
///
/// ArgumentParser on its own exits with 64 for a usage error.
enum CommandLineRunner {
    static func run(_ root: (some AsyncParsableCommand).Type) async -> Never {
        do {
            var command = try root.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(0)
        } catch {
            let code = root.exitCode(for: error)
            let message = root.fullMessage(for: error)
            if code == .success {
                print(message)
            } else if !message.isEmpty {
                complain(message)
            }
            exit(code == .validationFailure ? 2 : code.rawValue)
        }
    }
}
