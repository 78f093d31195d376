import ArgumentParser
import Foundation

/// `roost ctl`: what an operator asks of a running cluster.
///
/// One command with a word for its view, and not subcommands: options may stand on either side of the word.
struct CtlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl", abstract: "Look at a running cluster.",
        discussion: """
            status  the nodes, and the shards in four figures
            nodes   the nodes
            shards  every shard: leader, term, replicas and how far each is behind

            Every command asks one node, which answers for the whole cluster. The caller must be an admin: give an \
            access token by --token-file, or sign in by --user with --password-file (or a password typed).
            """)

    enum View: String, CaseIterable, ExpressibleByArgument {
        case status, nodes, shards
    }

    @Argument(help: "What to show.")
    var view: View = .status

    @OptionGroup var options: CtlOptions

    private struct Status: Encodable {
        let clusterID: String
        let epoch: UInt64
        let nodes: [ClusterReport.Node]
        let shards: ClusterReport.Summary
        enum CodingKeys: String, CodingKey {
            case epoch, nodes, shards
            case clusterID = "cluster_id"
        }
    }

    func run() async throws {
        try await reportingFailures {
            let report = try await self.options.report()
            if self.options.json { try self.printJSON(report) } else { self.printTables(report) }
        }
    }

    private func printJSON(_ report: ClusterReport) throws {
        switch self.view {
        case .status:
            try self.options.print(
                Status(clusterID: report.clusterID, epoch: report.epoch, nodes: report.nodes, shards: report.summary))
        case .nodes: try self.options.print(report.nodes)
        case .shards: try self.options.print(report.shards)
        }
    }

    private func printTables(_ report: ClusterReport) {
        switch self.view {
        case .status:
            let summary = report.summary
            print(
                """
                cluster \(report.clusterID)  epoch \(report.epoch)

                \(report.nodeTable.text)

                shards \(summary.shards)  under-replicated \(summary.underReplicated)  \
                without leader \(summary.withoutLeader)
                """)
        case .nodes: print(report.nodeTable.text)
        case .shards: print(report.shardTable.text)
        }
    }
}

/// What all of `roost ctl` takes.
struct CtlOptions: ParsableArguments {
    @Option(
        name: .customLong("server"),
        help: "A node's address, http://host:port; the next is asked when one is down. (default: http://127.0.0.1:8080)"
    )
    var servers: [String] = []

    @Option(help: "A file of mode 0600 with an admin's access token.")
    var tokenFile: String?

    @Option(help: "An admin's user name, to sign in with.")
    var user: String?

    @Option(help: "A file of mode 0600 with that admin's password; without it the terminal asks.")
    var passwordFile: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard self.passwordFile == nil || self.user != nil else {
            throw ValidationError("--password-file needs --user.")
        }
    }

    private var tokenPath: String? { self.tokenFile ?? ProcessInfo.processInfo.environment["ROOST_TOKEN_FILE"] }

    func report() async throws -> ClusterReport {
        guard self.tokenPath != nil || self.user != nil else {
            throw ValidationError("An admin is needed: --token-file FILE, or --user NAME.")
        }
        let api = APIClient(servers: try ServerOption.parse(self.servers))
        return try await api.get("/v1/cluster", token: try await self.accessToken(api))
    }

    private func accessToken(_ api: APIClient) async throws -> String {
        if let user = self.user {
            let password =
                try self.passwordFile.map { try SecretInput.file($0) }
                ?? SecretInput.terminal(prompt: "Password of \(user): ")
            return try await api.signIn(user: user, password: password).accessToken
        }
        return try SecretInput.file(self.tokenPath ?? "")
    }

    func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
