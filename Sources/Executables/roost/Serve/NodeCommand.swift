import ArgumentParser
import Foundation
import Founding

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "What an operator does to one node by hand.", subcommands: [Init.self])

    /// Where a seed is gone for good before the first start, nobody would ever found.
    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init",
            abstract: "Found the cluster on a first seed that waits for others in vain.",
            discussion: """
                Run it on the machine of the first seed, beside the waiting node. --confirm takes the hash of the \
                seed list, as the node's log says it ("seeds.hash"). Never do it while a node of an older cluster \
                with these seeds may come back: there would be two.
                """)

        @Option(help: ArgumentHelp("The waiting node's data directory.", valueName: "dir"))
        var data = "./roost-data"
        @Option(help: ArgumentHelp("The hash of the seed list: 16 hexadecimal digits.", valueName: "hash"))
        var confirm: String

        func run() async throws {
            guard let hash = SeedListHash(self.confirm) else {
                throw UsageError("--confirm: '\(self.confirm)' is not 16 hexadecimal digits")
            }
            guard FileManager.default.fileExists(atPath: self.data + "/lock") else {
                throw UsageError("--data: no node has been started with \(self.data)")
            }
            guard !FileManager.default.fileExists(atPath: self.data + "/identity") else {
                throw NodeFailure("\(self.data) belongs to a cluster already")
            }
            let request = InitRequest(dataDirectory: self.data)
            try request.write(hash)
            for _ in 0..<50 {
                if FileManager.default.fileExists(atPath: self.data + "/identity") {
                    print("founded")
                    return
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            unlink(request.path)
            throw NodeFailure("the node did not found within 5 s; its log says why")
        }
    }
}
