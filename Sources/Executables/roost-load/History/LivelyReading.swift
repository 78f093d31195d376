import Foundation
import HistoryChecker
import NIOCore
import NIOHTTP1

// The end of a run: each lively channel's whole log, and what every node shows of it, asked for linearizably and of the
// node's own replica.

extension LivelyLoad {
    /// Written down once the logs did not grow while all the rest was read.
    func readFinally(within limit: Duration) async throws {
        guard !self.rooms.isEmpty else { return }
        let deadline = ContinuousClock.now + limit
        let accounts = try await self.readers.onLoop { $0.clients.map(\.account) }
        let people = People(accounts: accounts, names: self.names)
        for _ in 0..<4 {
            let logs = await self.logs(people, until: deadline)
            var views: [(LivelySource, View)] = []
            var silent: [String] = []
            for endpoint in self.readers.endpoints {
                guard let pair = await self.views(at: endpoint, people, until: deadline) else {
                    silent.append(endpoint.name)
                    continue
                }
                views.append((LivelySource(node: endpoint.name, .linearizable), pair.current))
                views.append((LivelySource(node: endpoint.name, .local), pair.own))
            }
            guard await self.areSteady(logs, people, until: deadline) else { continue }
            for (room, log) in zip(self.rooms, logs) {
                for event in log ?? [] { self.write(.logged(channel: room.number, event)) }
                if log != nil { self.write(.logEnd(channel: room.number)) }
                for node in silent {
                    self.readers.write(
                        .logMissing(channel: room.number, node: node, reason: "no view of a lively channel"), of: 0)
                }
            }
            for (source, view) in views { self.write(view, from: source) }
            return
        }
    }

    private func write(_ record: LivelyRecord) { self.readers.write(.lively(record), of: 0) }

    private func write(_ view: View, from source: LivelySource) {
        for (room, shown) in zip(self.rooms, view.rooms) {
            for message in shown.messages { self.write(.shown(channel: room.number, source, message)) }
            self.write(.shownEnd(channel: room.number, source))
            self.write(.members(channel: room.number, LivelyMembers(source, clients: shown.members)))
            for client in view.sidebars.keys.sorted() {
                let row = view.sidebars[client]?[room.id]
                // Who is in no way concerned has no row and needs none.
                guard row != nil || room.members.contains(client) else { continue }
                self.write(.count(channel: room.number, LivelyCount(source, client: UInt32(client), row)))
            }
        }
    }

    // MARK: Logs

    private struct People: Sendable {
        let accounts: [HistoryAccount]
        /// By user id and by name.
        let users: [String: UInt32]
        let names: [String: UInt32]

        init(accounts: [HistoryAccount], names: [String]) {
            self.accounts = accounts
            var users: [String: UInt32] = [:]
            var clients: [String: UInt32] = [:]
            for (number, account) in accounts.enumerated() { users[account.user] = UInt32(number) }
            for (number, name) in names.enumerated() { clients[name] = UInt32(number) }
            self.users = users
            self.names = clients
        }

        func client(_ user: String?) -> UInt32 { user.flatMap { self.users[$0] } ?? .max }
    }

    private struct Frame: Decodable {
        struct Event: Decodable {
            struct Message: Decodable {
                let seq: UInt64
                let text: String?
            }
            struct Reaction: Decodable {
                let message_id: String
                let emoji: String
                let user_id: String
            }
            struct Member: Decodable { let user_id: String }
            let type: String
            let seq: UInt64
            let actor_id: String?
            let message: Message?
            let reaction: Reaction?
            let member: Member?
        }
        let events: [Event]
    }

    private func logs(_ people: People, until deadline: ContinuousClock.Instant) async -> [[LivelyEvent]?] {
        var logs: [[LivelyEvent]?] = []
        for room in self.rooms { logs.append(await self.log(room, behind: 0, people, until: deadline)) }
        return logs
    }

    private func areSteady(
        _ logs: [[LivelyEvent]?], _ people: People, until deadline: ContinuousClock.Instant
    ) async -> Bool {
        for (room, log) in zip(self.rooms, logs) {
            guard let log,
                await self.log(room, behind: log.last?.seq ?? 0, people, until: deadline)?.isEmpty ?? false
            else { return false }
        }
        return true
    }

    /// By linearizable reads over the owner's socket.
    private func log(
        _ room: LivelyRoom, behind first: UInt64, _ people: People, until deadline: ContinuousClock.Instant
    ) async -> [LivelyEvent]? {
        var log: [LivelyEvent] = []
        while ContinuousClock.now < deadline {
            let after = log.last?.seq ?? first
            let run = self.readers.run
            let owner = room.members[0]
            do {
                let answer = try await self.readers.loop.flatSubmit {
                    run.value.clients[owner].fetch(room.id, after: after)
                }.get()
                let frame = try JSONDecoder().decode(Frame.self, from: Data(answer.readableBytesView))
                if frame.events.isEmpty { return log }
                log += frame.events.map { self.event($0, people) }
            } catch {
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        return nil
    }

    private func event(_ event: Frame.Event, _ people: People) -> LivelyEvent {
        let text = event.message?.text.flatMap { $0.isEmpty ? nil : LivelyText($0, users: people.names) }
        var client = people.client(event.actor_id)
        let body: LivelyEvent.Body
        switch event.type {
        case "message.created": body = .created(text)
        case "message.edited": body = .edited(message: event.message?.seq ?? 0, text)
        case "message.deleted": body = .deleted(message: event.message?.seq ?? 0)
        case "reaction.added", "reaction.removed":
            client = people.client(event.reaction?.user_id)
            body = .reacted(
                message: event.reaction?.message_id.split(separator: ".").last.flatMap { UInt64($0) } ?? 0,
                emoji: event.reaction?.emoji ?? "", adds: event.type == "reaction.added")
        case "member.joined", "member.left":
            body = .member(people.client(event.member?.user_id), joins: event.type == "member.joined")
        default: body = .other
        }
        return LivelyEvent(seq: event.seq, client: client, body)
    }

    // MARK: What nodes show

    /// All that one node shows of the lively channels.
    private struct View: Sendable, Equatable {
        struct Room: Sendable, Equatable {
            var messages: [LivelyPages.Message] = []
            var members: Set<UInt32> = []
        }
        var rooms: [Room] = []
        /// By client, by channel.
        var sidebars: [Int: [String: LivelyCount.Row]] = [:]
    }

    private struct Page: Decodable {
        struct Item: Decodable {
            struct Group: Decodable {
                let emoji: String
                let count: Int
                let user_ids: [String]
            }
            let seq: UInt64
            let text: String?
            let deleted_at: String?
            let reactions: [Group]
        }
        let items: [Item]
    }
    private struct MemberPage: Decodable {
        struct Item: Decodable { let user_id: String }
        let items: [Item]
    }
    private struct Sidebar: Decodable {
        struct Item: Decodable {
            let id: String
            let seq: UInt64
            let read_seq: UInt64
            let unread: UInt64
            let mentions: UInt64
        }
        let items: [Item]
    }

    /// What the cluster says through this node, and what the node's own replicas say: those are given time until both
    /// agree. Nil without an answer.
    private func views(
        at node: Endpoint, _ people: People, until deadline: ContinuousClock.Instant
    ) async -> (current: View, own: View)? {
        let patience = min(ContinuousClock.now + .seconds(15), deadline)
        var last: (current: View, own: View)?
        repeat {
            if let current = try? await self.view(at: node, people, .linearizable),
                let own = try? await self.view(at: node, people, .local)
            {
                last = (current, own)
                if current == own { return last }
            }
            try? await Task.sleep(for: .milliseconds(500))
        } while ContinuousClock.now < patience
        return last
    }

    private func view(
        at node: Endpoint, _ people: People, _ consistency: Read.Consistency
    ) async throws -> View {
        var view = View()
        view.rooms = try await concurrently(self.rooms.count, atOnce: 4) { index in
            let room = self.rooms[index]
            let token = people.accounts[room.members[0]].token
            var shown = View.Room()
            while true {
                let after = shown.messages.last?.seq ?? 0
                let page: Page = try await self.get(
                    "/v1/messages?channel_id=\(room.id)&after=\(after)&limit=200", at: node, token, consistency)
                if page.items.isEmpty { break }
                shown.messages += page.items.map { item in
                    LivelyPages.Message(
                        seq: item.seq,
                        digest: item.deleted_at == nil ? TextDigest(of: (item.text ?? "").utf8) : nil,
                        groups: item.reactions.map { group in
                            LivelyGroup(
                                emoji: group.emoji, count: group.count,
                                clients: group.user_ids.map { people.client($0) })
                        })
                }
            }
            let list: MemberPage = try await self.get(
                "/v1/channels/\(room.id)/members?limit=200", at: node, token, consistency)
            shown.members = Set(list.items.map { people.client($0.user_id) })
            return shown
        }
        let clients = Set(self.rooms.flatMap(\.members)).sorted()
        let rows = try await concurrently(clients.count, atOnce: 8) { index in
            let sidebar: Sidebar = try await self.get(
                "/v1/users/me/channels?limit=200", at: node, people.accounts[clients[index]].token, consistency)
            var rows: [String: LivelyCount.Row] = [:]
            for item in sidebar.items where self.rooms.contains(where: { $0.id == item.id }) {
                rows[item.id] = LivelyCount.Row(
                    head: item.seq, readSeq: item.read_seq, unread: item.unread, mentions: item.mentions)
            }
            return rows
        }
        for (client, row) in zip(clients, rows) { view.sidebars[client] = row }
        return view
    }

    private func get<Value: Decodable>(
        _ path: String, at node: Endpoint, _ token: String, _ consistency: Read.Consistency
    ) async throws -> Value {
        let answer = try await self.readers.rest.ask(
            .GET, path + (consistency == .local ? "&consistency=local" : ""), at: node, token: token,
            limit: .seconds(10))
        guard answer.isOK else { throw RestCalls.Failure(description: "\(path): \(answer.status) \(answer.code)") }
        return try JSONDecoder().decode(Value.self, from: Data(answer.body.readableBytesView))
    }
}
