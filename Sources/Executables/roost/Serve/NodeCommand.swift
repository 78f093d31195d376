import ArgumentParser
import Foundation
import Founding

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "What an operator does to one node by hand.",
        subcommands: [Init.self, ForceQuorum.self])

    /// Where a majority of a group's nodes is gone for good, nobody may ever lead it again by itself.
    struct ForceQuorum: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "force-quorum",
            abstract: "Go on from this node alone, where most nodes of a group are gone for good.",
            discussion: """
                Run it on the machine of ONE survivor, beside the running node, when the others are gone for good and \
                their disks with them. The node's replicas become the only voters of their groups in a new \
                incarnation, with everything that is in their logs; then the groups grow again. What only the lost \
                nodes had acknowledged is lost, and a lost node that comes back is void. Never do it on two nodes, and \
                never while the others may come back: there would be two truths.

                Afterwards forget the lost nodes by 'roost ctl remove', and add new ones.
                With --damaged, groups are let go on instead whose only voter is this node and whose log has lost \
                acknowledged entries on its own disk.
                """)

        @Option(help: ArgumentHelp("The running node's data directory.", valueName: "dir"))
        var data = "./roost-data"
        @Option(help: ArgumentHelp("Groups: 'all', or numbers and ranges as 0,3,17-20.", valueName: "list"))
        var shards: String
        @Flag(help: "Say that you know that acknowledged messages may be lost.")
        var acceptDataLoss = false
        @Flag(help: "Only let damaged groups go on that have no other voter.")
        var damaged = false

        func run() async throws {
            guard let shards = ForceRequest.Shards(self.shards) else {
                throw UsageError("--shards: '\(self.shards)' is not 'all' or a list as 0,3,17-20")
            }
            guard self.acceptDataLoss else {
                throw UsageError("--accept-data-loss: say that you know that acknowledged messages may be lost")
            }
            guard FileManager.default.fileExists(atPath: self.data + "/identity") else {
                throw UsageError("--data: \(self.data) belongs to no cluster")
            }
            let request = ForceRequest(dataDirectory: self.data)
            try request.write(self.damaged ? .acceptLoss(shards) : .forceQuorum(shards))
            for _ in 0..<100 {
                if let answer = request.takeAnswer() {
                    print(answer)
                    return
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            unlink(request.path)
            throw NodeFailure("no node runs with \(self.data), or it is busy; its log says more")
        }
    }

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
