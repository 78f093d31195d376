import AsyncHTTPClient
import Foundation

/// The shell round `Conversation`: tokens, sockets, names and the screen.
///
/// Frames are handled one after the other, so the screen is in the order of the socket; typed lines come in between.
actor ChatClient {
    private let api: APIClient
    private var grant: TokenGrant
    private var conversation: Conversation
    private var socket: SocketClient?
    private var names: [String: String] = [:]
    private var isLeaving = false
    private var pause = 0
    private var failure: ClientFailure?

    /// A ping well inside the server's heartbeat of 30 s.
    private static let pingEvery = Duration.seconds(20)

    init(api: APIClient, grant: TokenGrant, channelID: String) {
        self.api = api
        self.grant = grant
        self.conversation = Conversation(channelID: channelID)
        self.names[grant.user.id] = grant.user.username
    }

    /// Follows the channel until the input ends and all of it is answered, or a person must act.
    func run() async throws {
        let input = Self.lines()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await self.stayConnected() }
            tasks.addTask {
                for await line in input { try await self.typed(line) }
                try await self.step(.inputEnded)
                try await self.idle()
            }
            tasks.addTask { try await self.keepAlive() }
            tasks.addTask { try await self.keepSignedIn() }
            // Only the connection loop ends by itself; the others wait to be cancelled.
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    // MARK: - Connections

    private func stayConnected() async throws {
        var next = 0
        while !self.isLeaving {
            let server = self.api.servers[next % self.api.servers.count]
            next += 1
            let end: (code: Int, reason: String)
            do {
                end = try await SocketClient.withConnection(to: server) { socket in
                    try await self.opened(socket)
                } receive: { _, text in
                    try await self.received(text)
                }
            } catch let failure as ClientFailure {
                if case .closed = failure { throw failure }
                end = (1006, failure.description)
            } catch let cancellation as CancellationError {
                throw cancellation
            } catch {
                end = (1006, String(describing: error))
            }
            self.socket = nil
            if self.isLeaving { break }
            try await self.step(.disconnected(code: end.code, reason: end.reason))
            if let failure = self.failure { throw failure }
            complain("(disconnected from \(server): \(end.reason.isEmpty ? "code \(end.code)" : end.reason))")
            try await Task.sleep(for: .milliseconds(self.pause))
        }
        if let failure = self.failure { throw failure }
    }

    private func opened(_ socket: SocketClient) async throws {
        self.socket = socket
        try await self.step(.connected(token: self.grant.accessToken))
    }

    /// - Returns: whether to go on reading.
    private func received(_ text: String) async throws -> Bool {
        let frame: ServerFrame
        do {
            frame = try JSONDecoder().decode(ServerFrame.self, from: Data(text.utf8))
        } catch {
            throw ClientFailure.malformedAnswer("a frame: \(error)")
        }
        try await self.step(.frame(frame))
        return !self.isLeaving && self.failure == nil
    }

    private func keepAlive() async throws {
        while true {
            try await Task.sleep(for: Self.pingEvery)
            if let socket = self.socket { try? await socket.send(ClientRequest.ping(ref: "p").json()) }
        }
    }

    /// Renews the token before it expires and shows the new one on the open socket.
    private func keepSignedIn() async throws {
        while true {
            try await Task.sleep(for: .seconds(max(self.grant.expiresIn * 4 / 5, 1)))
            do {
                self.grant = try await self.api.refresh(self.grant)
            } catch ClientFailure.unreachable {
                continue
            }
            let renewal = try ClientRequest.auth(token: self.grant.accessToken, resume: [:]).json()
            if let socket = self.socket { try? await socket.send(renewal) }
        }
    }

    private func idle() async throws {
        while true { try await Task.sleep(for: .seconds(3_600)) }
    }

    // MARK: - Effects

    private func typed(_ line: String) async throws {
        guard !line.isEmpty else { return }
        if line == "/quit" { return try await self.step(.inputEnded) }
        try await self.step(.typed(line, clientID: UUID().uuidString))
    }

    private func step(_ input: Conversation.Input) async throws {
        for effect in self.conversation.step(input) { try await self.perform(effect) }
    }

    private func perform(_ effect: Conversation.Effect) async throws {
        switch effect {
        case .transmit(let request):
            // A broken socket is noticed by its reader, and what was not answered is sent again.
            try? await self.socket?.send(request.json())
        case .showMessage(let at, let userID, let text):
            self.print(at: at, "\(await self.name(of: userID)): \(text)")
        case .showMembership(let at, let userID, let joined):
            self.print(at: at, "* \(await self.name(of: userID)) \(joined ? "joined" : "left")")
        case .showNotice(let text):
            complain("(\(text))")
        case .showHistory(let after, let through):
            try await self.showHistory(after: after, through: through)
        case .reconnect(let milliseconds):
            self.pause = milliseconds
        case .fail(let code, let reason):
            self.failure = .closed(code: code, reason: reason)
            try? await self.socket?.close()
        case .leave:
            self.isLeaving = true
            try? await self.socket?.close()
        }
    }

    private func showHistory(after: UInt64, through: UInt64) async throws {
        struct Page: Decodable { let items: [ServerFrame.Message] }
        var after = after
        while after < through {
            let path =
                "/v1/messages?channel_id=\(APIClient.escape(self.conversation.channelID))&after=\(after)&limit=200"
            let page: Page = try await self.api.get(path, token: self.grant.accessToken)
            guard let last = page.items.last, last.seq > after else { return }
            for message in page.items where message.seq <= through {
                self.print(
                    at: message.createdAt, "\(await self.name(of: message.userID)): \(message.text ?? "(deleted)")")
            }
            after = last.seq
        }
    }

    private func name(of userID: String) async -> String {
        if let known = self.names[userID] { return known }
        struct Person: Decodable { let username: String }
        let path = "/v1/users/\(APIClient.escape(userID))"
        guard let person: Person = try? await self.api.get(path, token: self.grant.accessToken) else { return userID }
        self.names[userID] = person.username
        return person.username
    }

    /// `at` is RFC 3339; the screen shows its time of day. Control characters of others never reach the terminal.
    private func print(at: String, _ line: String) {
        let time = at.split(separator: "T").last.map { $0.prefix(8) } ?? ""
        let visible = String(
            line.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
        FileHandle.standardOutput.write(Data("\(time) \(visible)\n".utf8))
    }

    // MARK: - Input

    /// Lines of standard input, read by a thread of their own since reading blocks.
    private static func lines() -> AsyncStream<String> {
        AsyncStream { continuation in
            let reader = Thread {
                while let line = readLine() { continuation.yield(line) }
                continuation.finish()
            }
            reader.name = "standard input"
            reader.start()
        }
    }
}
