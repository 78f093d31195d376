import ArgumentParser
import Foundation

/// `roost ctl`: what an operator asks of a running cluster, and what he does to it.
///
/// One command with words, and not subcommands: options may stand on either side of the words.
struct CtlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl", abstract: "Look at a running cluster, and operate it.",
        discussion: """
            status            the nodes, and the shards in a few figures
            nodes             the nodes
            shards            every shard: leader, term, replicas, how far each is behind, where it should be
            drain NODE        empty a node: its leaderships, then its replicas; it stops when it holds nothing
            remove NODE       forget a node that is gone for good; refused while it answers
            upgrade status    which versions the nodes support, and which is active
            upgrade finalize  raise the active version to what every node supports; there is no way back
            search rebuild    make the index of texts anew on every node; until it is whole searches answer 503

            NODE is an id or its beginning, a name or a peer address. Every command asks one node, which answers for \
            the whole cluster. The caller must be an admin: give an access token by --token-file, or sign in by --user \
            with --password-file (or a password typed).
            """)

    enum Verb: String, CaseIterable, ExpressibleByArgument {
        case status, nodes, shards, drain, remove, upgrade, search
    }

    @Argument(help: "What to show or to do.")
    var verb: Verb = .status
    @Argument(help: "A node, or what about the upgrade or the search.")
    var object: String?
    @Flag(help: "With drain: until the node has been removed.")
    var wait = false
    @Option(help: ArgumentHelp("With --wait: give up after so long.", valueName: "seconds"))
    var waitSeconds = 600

    @OptionGroup var options: CtlOptions

    func validate() throws {
        switch self.verb {
        case .status, .nodes, .shards:
            guard self.object == nil else { throw ValidationError("'\(self.verb)' takes no further word.") }
        case .drain, .remove:
            guard self.object != nil else { throw ValidationError("'\(self.verb)' needs a node.") }
        case .upgrade:
            guard ["status", "finalize"].contains(self.object ?? "") else {
                throw ValidationError("write 'upgrade status' or 'upgrade finalize'.")
            }
        case .search:
            guard self.object == "rebuild" else { throw ValidationError("write 'search rebuild'.") }
        }
        guard !self.wait || self.verb == .drain else { throw ValidationError("--wait goes with drain.") }
    }

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
            let session = try await self.options.session()
            switch self.verb {
            case .status, .nodes, .shards: try self.show(try await session.report())
            case .drain: try await self.drain(session)
            case .remove: try await self.remove(session)
            case .upgrade: try await self.upgrade(session)
            case .search: try await self.rebuildSearch(session)
            }
        }
    }

    // MARK: Doing

    private func drain(_ session: CtlSession) async throws {
        let node = try await session.report().node(named: self.object ?? "")
        try await session.api.act("/v1/cluster/nodes/\(node.id)/drain", token: session.token)
        guard self.wait else { return try self.say("draining", node) }
        var last = -1
        for _ in 0..<max(1, self.waitSeconds * 2) {
            let report = try await session.report()
            let state = report.nodes.first { $0.id == node.id }?.state ?? "removed"
            if state == "removed" { return try self.say("removed", node) }
            let votes = report.votes(of: node.id)
            if votes != last { complain("(\(votes) shards to move)") }
            last = votes
            try await Task.sleep(for: .milliseconds(500))
        }
        throw ClientFailure.refused(
            status: 504, code: "timeout", detail: "the node still votes in \(last) shards; the drain goes on")
    }

    private func remove(_ session: CtlSession) async throws {
        let node = try await session.report().node(named: self.object ?? "")
        try await session.api.act("/v1/cluster/nodes/\(node.id)/remove", token: session.token)
        try self.say("removed", node)
    }

    private func upgrade(_ session: CtlSession) async throws {
        if self.object == "finalize" {
            try await session.api.act("/v1/cluster/upgrade/finalize", token: session.token)
        }
        let report = try await session.report()
        if self.options.json {
            guard let versions = report.versions else { throw ClientFailure.malformedAnswer("no versions") }
            return try self.options.print(versions)
        }
        print(
            """
            active \(report.versions.map { String($0.active) } ?? "?")  \
            supported by every node \(report.versions?.supported.map { String($0) } ?? "not known yet")

            \(report.nodeTable.text)
            """)
    }

    private struct Rebuild: Codable {
        let nodes: [String]
        let unreached: [String]
    }

    private func rebuildSearch(_ session: CtlSession) async throws {
        let rebuild: Rebuild = try await session.api.post("/v1/admin/search/rebuild", token: session.token, body: [:])
        guard !self.options.json else { return try self.options.print(rebuild) }
        let report = try await session.report()
        for (ids, state) in [(rebuild.nodes, "rebuilding"), (rebuild.unreached, "not reached")] {
            for id in ids { print("\(report.nodes.first { $0.id == id }?.name ?? id) \(state)") }
        }
    }

    private struct Done: Encodable {
        let node: String
        let state: String
    }

    private func say(_ state: String, _ node: ClusterReport.Node) throws {
        if self.options.json { return try self.options.print(Done(node: node.id, state: state)) }
        print("\(node.name) \(state)")
    }

    // MARK: Showing

    private func show(_ report: ClusterReport) throws {
        if self.options.json { try self.showJSON(report) } else { self.showTables(report) }
    }

    private func showJSON(_ report: ClusterReport) throws {
        switch self.verb {
        case .nodes: try self.options.print(report.nodes)
        case .shards: try self.options.print(report.shards)
        case .status, .drain, .remove, .upgrade, .search:
            try self.options.print(
                Status(clusterID: report.clusterID, epoch: report.epoch, nodes: report.nodes, shards: report.summary))
        }
    }

    private func showTables(_ report: ClusterReport) {
        switch self.verb {
        case .nodes: print(report.nodeTable.text)
        case .shards: print(report.shardTable.text)
        case .status, .drain, .remove, .upgrade, .search:
            let summary = report.summary
            print(
                """
                cluster \(report.clusterID)  epoch \(report.epoch)

                \(report.nodeTable.text)

                shards \(summary.shards)  under-replicated \(summary.underReplicated)  \
                without leader \(summary.withoutLeader)  misplaced \(summary.misplaced)  \
                led elsewhere \(summary.ledElsewhere)  largest lag \(summary.lagMax)
                """)
        }
    }
}

/// An admin's session with one cluster.
struct CtlSession {
    let api: APIClient
    let token: String

    func report() async throws -> ClusterReport { try await self.api.get("/v1/cluster", token: self.token) }
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

    func session() async throws -> CtlSession {
        guard self.tokenPath != nil || self.user != nil else {
            throw ValidationError("An admin is needed: --token-file FILE, or --user NAME.")
        }
        let api = APIClient(servers: try ServerOption.parse(self.servers))
        return CtlSession(api: api, token: try await self.accessToken(api))
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
