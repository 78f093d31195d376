import ArgumentParser
import Foundation

/// `roost chat`: a terminal client, one line a message.
struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk in a channel from the terminal.",
        discussion: """
            Shows the channel's messages as they come and sends every line typed (or piped in). When the node goes \
            away it goes on at the next --server, where it left off: what was typed meanwhile is sent once, what was \
            missed is shown. /quit or the end of the input leaves.
            """)

    @Option(
        name: .customLong("server"),
        help: "A node's address, http://host:port; may be given several times. (default: http://127.0.0.1:8080)")
    var servers: [String] = []

    @Option(help: "Your user name.")
    var user: String

    @Option(help: "A file of mode 0600 with the password; without it the terminal asks.")
    var passwordFile: String?

    @Option(help: "The channel to join; made when there is none of that name.")
    var channel: String = "general"

    @Flag(help: "Make the account first, if there is none of that name.")
    var register = false

    @Option(help: "The invite, where the registration needs one.")
    var invite: String?

    func run() async throws {
        let api = APIClient(servers: try ServerOption.parse(self.servers))
        try await reportingFailures {
            let password =
                try self.passwordFile.map { try SecretInput.file($0) }
                ?? SecretInput.terminal(prompt: "Password of \(self.user): ")
            let grant =
                self.register || self.invite != nil
                ? try await api.registerOrSignIn(user: self.user, password: password, invite: self.invite)
                : try await api.signIn(user: self.user, password: password)
            let channelID = try await api.enterChannel(named: self.channel, token: grant.accessToken)
            complain("(\(self.user) in #\(self.channel); /quit to leave)")
            try await ChatClient(api: api, grant: grant, channelID: channelID).run()
        }
    }
}

/// `--server`, shared by the client commands; `ROOST_SERVER` stands in for it, comma-separated.
enum ServerOption {
    static func parse(_ given: [String]) throws -> [ServerURL] {
        let fromEnvironment = ProcessInfo.processInfo.environment["ROOST_SERVER"]
        let texts = given.isEmpty ? [fromEnvironment ?? "http://127.0.0.1:8080"] : given
        return try texts.flatMap { $0.split(separator: ",") }.map { text in
            guard let server = ServerURL(String(text)) else {
                throw ValidationError("'\(text)' is no server address; write http://host:port.")
            }
            return server
        }
    }
}

extension APIClient {
    private struct Channel: Decodable {
        let id: String
        let name: String?
    }
    private struct ChannelPage: Decodable {
        let items: [Channel]
        let nextCursor: String?
        enum CodingKeys: String, CodingKey {
            case items
            case nextCursor = "next_cursor"
        }
    }

    /// The id of the channel of that name: one's own, else a public one that is joined, else a new public one.
    func enterChannel(named name: String, token: String) async throws -> String {
        if let mine = try await self.find(name, in: "/v1/users/me/channels?limit=200", token: token) { return mine }
        let directory = "/v1/channels?query=\(Self.escape(name))&limit=200"
        if let open = try await self.find(name, in: directory, token: token) {
            try await self.act("/v1/channels/\(Self.escape(open))/join", token: token)
            return open
        }
        let made: Channel = try await self.post(
            "/v1/channels", token: token, body: ["name": name, "type": "public"], idempotencyKey: UUID().uuidString)
        return made.id
    }

    private func find(_ name: String, in list: String, token: String) async throws -> String? {
        var cursor: String?
        repeat {
            let path = list + (cursor.map { "&cursor=\(Self.escape($0))" } ?? "")
            let page: ChannelPage = try await self.get(path, token: token)
            if let found = page.items.first(where: { $0.name == name }) { return found.id }
            cursor = page.nextCursor
        } while cursor != nil
        return nil
    }
}
