import Foundation
import HistoryChecker
import NIOCore

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
                guard let pair = await self.views(at: endpoint, of: logs, people, until: deadline) else {
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
            self.write(.pins(channel: room.number, LivelyPins(source, messages: shown.pins)))
            for thread in shown.threads {
                self.write(
                    .thread(
                        channel: room.number,
                        LivelyThread(source, root: thread.root, client: thread.client, thread.view)))
            }
            for client in room.members {
                guard let inbox = view.inboxes[client] else { continue }
                self.write(
                    .inbox(
                        channel: room.number,
                        LivelyInbox(
                            source, client: UInt32(client), mentions: inbox.mentions[room.id] ?? [],
                            replies: inbox.replies[room.id] ?? [], isWhole: inbox.isWhole)))
            }
            for client in view.sidebars.keys.sorted() {
                let row = view.sidebars[client]?[room.id]
                // Who is in no way concerned has no row and needs none.
                guard row != nil || room.members.contains(client) else { continue }
                self.write(.count(channel: room.number, LivelyCount(source, client: UInt32(client), row)))
            }
        }
    }

    // MARK: Logs

    struct People: Sendable {
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
                let thread_id: String?
            }
            struct Reaction: Decodable {
                let message_id: String
                let emoji: String
                let user_id: String
            }
            struct Member: Decodable { let user_id: String }
            let type: String
            let seq: UInt64
            let at: String
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
                message: Self.seq(event.reaction?.message_id) ?? 0,
                emoji: event.reaction?.emoji ?? "", adds: event.type == "reaction.added")
        case "message.pinned", "message.unpinned":
            body = .pinned(message: event.message?.seq ?? 0, puts: event.type == "message.pinned")
        case "member.joined", "member.left":
            body = .member(people.client(event.member?.user_id), joins: event.type == "member.joined")
        default: body = .other
        }
        let root = event.type == "message.created" ? Self.seq(event.message?.thread_id) : nil
        return LivelyEvent(seq: event.seq, client: client, at: Self.milliseconds(event.at) ?? 0, root: root, body)
    }

    /// What stands behind the point of a message's id.
    static func seq(_ id: String?) -> UInt64? {
        id.flatMap { $0.split(separator: ".").last }.flatMap { UInt64($0) }
    }
}
