import ClientProtocol
import ClusterModel
import Foundation
import HistoryChecker
import NIOCore
import NIOHTTP1

// What one node shows of the lively channels: asked of the cluster through it, and of its own replicas.

extension LivelyLoad {
    /// Since 1970; nil for what is no time.
    static func milliseconds(_ time: String?) -> UInt64? {
        time.flatMap { CalendarTime($0) }.flatMap { UInt64(exactly: $0.timestamp.milliseconds) }
    }

    /// All that one node shows of the lively channels.
    struct View: Sendable, Equatable {
        struct Room: Sendable, Equatable {
            var messages: [LivelyPages.Message] = []
            var members: Set<UInt32> = []
            /// The last pinned first.
            var pins: [UInt64] = []
            /// As each member is shown them.
            var threads: [Thread] = []
        }
        struct Thread: Sendable, Equatable {
            let root: UInt64
            let client: UInt32
            let view: LivelyThread.View?
        }
        /// By channel.
        struct Inbox: Sendable, Equatable {
            var mentions: [String: [UInt64]] = [:]
            var replies: [String: [UInt64]] = [:]
            var isWhole = true
        }
        var rooms: [Room] = []
        /// By client, by channel.
        var sidebars: [Int: [String: LivelyCount.Row]] = [:]
        /// By client.
        var inboxes: [Int: Inbox] = [:]
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
            let pinned_at: String?
            let thread_id: String?
            let reactions: [Group]
            let reply_count: Int
            let last_reply_at: String?
            let participants: [String]
        }
        let items: [Item]
    }
    private struct ThreadPage: Decodable {
        let root: Page.Item
        let items: [Page.Item]
        let next_cursor: String?
        let following: Bool
        let read_seq: UInt64
        let unread: UInt64
    }
    private struct InboxPage: Decodable {
        struct Item: Decodable {
            let type: String
            let channel_id: String?
            let message_id: String?
        }
        let items: [Item]
        let next_cursor: String?
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
    func views(
        at node: Endpoint, of logs: [[LivelyEvent]?], _ people: People, until deadline: ContinuousClock.Instant
    ) async -> (current: View, own: View)? {
        let patience = min(ContinuousClock.now + .seconds(15), deadline)
        var last: (current: View, own: View)?
        repeat {
            if let current = try? await self.view(at: node, of: logs, people, .linearizable),
                let own = try? await self.view(at: node, of: logs, people, .local)
            {
                last = (current, own)
                if current == own { return last }
            }
            try? await Task.sleep(for: .milliseconds(500))
        } while ContinuousClock.now < patience
        return last
    }

    private func view(
        at node: Endpoint, of logs: [[LivelyEvent]?], _ people: People, _ consistency: Read.Consistency
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
                shown.messages += page.items.map { Self.message($0, people) }
            }
            let list: MemberPage = try await self.get(
                "/v1/channels/\(room.id)/members?limit=200", at: node, token, consistency)
            shown.members = Set(list.items.map { people.client($0.user_id) })
            let pins: Page = try await self.get(
                "/v1/channels/\(room.id)/pins?limit=200", at: node, token, consistency)
            shown.pins = pins.items.map(\.seq)
            shown.threads = try await self.threads(room, logs[index] ?? [], at: node, people, consistency)
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
        let inboxes = try await concurrently(clients.count, atOnce: 8) { index in
            try await self.inbox(people.accounts[clients[index]].token, at: node, consistency)
        }
        for (client, inbox) in zip(clients, inboxes) { view.inboxes[client] = inbox }
        return view
    }

    private static func message(_ item: Page.Item, _ people: People) -> LivelyPages.Message {
        LivelyPages.Message(
            seq: item.seq, digest: item.deleted_at == nil ? TextDigest(of: (item.text ?? "").utf8) : nil,
            groups: item.reactions.map { group in
                LivelyGroup(
                    emoji: group.emoji, count: group.count, clients: group.user_ids.map { people.client($0) })
            }, root: self.seq(item.thread_id), pinnedAt: self.milliseconds(item.pinned_at),
            summary: self.summary(item, people))
    }

    private static func summary(_ item: Page.Item, _ people: People) -> LivelySummary {
        LivelySummary(
            replies: item.reply_count, lastAt: self.milliseconds(item.last_reply_at),
            people: item.participants.map { people.client($0) })
    }

    /// Every thread that the log has, as each of the room's people is shown it.
    private func threads(
        _ room: LivelyRoom, _ log: [LivelyEvent], at node: Endpoint, _ people: People, _ consistency: Read.Consistency
    ) async throws -> [View.Thread] {
        let roots = Set(log.compactMap(\.root)).sorted()
        let pairs = roots.flatMap { root in room.members.map { (root: root, client: $0) } }
        return try await concurrently(pairs.count, atOnce: 8) { index in
            let (root, client) = pairs[index]
            let view = try await self.thread(
                "/v1/threads/\(room.id).\(root)?limit=200", people.accounts[client].token, at: node, people, consistency
            )
            return View.Thread(root: root, client: UInt32(client), view: view)
        }
    }

    /// All pages; nil where there is none for this person.
    private func thread(
        _ path: String, _ token: String, at node: Endpoint, _ people: People, _ consistency: Read.Consistency
    ) async throws -> LivelyThread.View? {
        var view: LivelyThread.View?
        var cursor: String?
        repeat {
            let path = path + (cursor.map { "&cursor=\($0)" } ?? "")
            guard let page = try await self.find(ThreadPage.self, path, at: node, token, consistency) else {
                return nil
            }
            view = LivelyThread.View(
                summary: Self.summary(page.root, people), replies: (view?.replies ?? []) + page.items.map(\.seq),
                follows: page.following, readSeq: page.read_seq, unread: page.unread)
            cursor = page.next_cursor
        } while cursor != nil
        return view
    }

    /// An inbox keeps so many of the newest entries.
    private static let inboxEntriesMax = 1_000

    private func inbox(
        _ token: String, at node: Endpoint, _ consistency: Read.Consistency
    ) async throws -> View.Inbox {
        var inbox = View.Inbox()
        var count = 0
        var cursor: String?
        repeat {
            let path = "/v1/notifications?limit=200" + (cursor.map { "&cursor=\($0)" } ?? "")
            let page: InboxPage = try await self.get(path, at: node, token, consistency)
            for item in page.items {
                guard let channel = item.channel_id, let seq = Self.seq(item.message_id) else { continue }
                switch item.type {
                case "mention": inbox.mentions[channel, default: []].append(seq)
                case "thread": inbox.replies[channel, default: []].append(seq)
                default: break
                }
            }
            count += page.items.count
            cursor = page.next_cursor
        } while cursor != nil
        inbox.isWhole = count < Self.inboxEntriesMax
        return inbox
    }

    private func get<Value: Decodable>(
        _ path: String, at node: Endpoint, _ token: String, _ consistency: Read.Consistency
    ) async throws -> Value {
        guard let value = try await self.find(Value.self, path, at: node, token, consistency) else {
            throw RestCalls.Failure(description: "\(path): not found")
        }
        return value
    }

    /// Nil where there is no such thing for this person.
    private func find<Value: Decodable>(
        _ type: Value.Type, _ path: String, at node: Endpoint, _ token: String, _ consistency: Read.Consistency
    ) async throws -> Value? {
        let answer = try await self.readers.rest.ask(
            .GET, path + (consistency == .local ? "&consistency=local" : ""), at: node, token: token,
            limit: .seconds(10))
        if answer.status == 404 { return nil }
        guard answer.isOK else { throw RestCalls.Failure(description: "\(path): \(answer.status) \(answer.code)") }
        return try JSONDecoder().decode(Value.self, from: Data(answer.body.readableBytesView))
    }
}
