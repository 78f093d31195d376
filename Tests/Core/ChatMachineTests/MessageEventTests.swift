import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

/// A client that keeps what it sees by its events alone sees what a page would show it.
@Suite struct MessageEventTests {
    /// What a client knows of one channel, by the rules of the events and nothing else.
    private struct Client {
        let user: UserID
        var messages: [UInt64: MessageView] = [:]
        var readSeq: UInt64 = 0
        /// Unread messages of others, and whether each mentions this person.
        var unread: [UInt64: Bool] = [:]

        mutating func take(_ event: DurableEvent) {
            switch event.body {
            case .messageCreated(let content):
                self.messages[event.seq] = MessageView(
                    id: event.messageID, author: event.actor, createdAt: event.at, content: content)
                self.take(content.root)
                if event.actor == self.user {
                    self.readSeq = event.seq
                    self.unread = [:]
                } else {
                    self.unread[event.seq] = self.isNamed(in: content)
                }
            case .messageEdited(let view):
                self.messages[view.id.seq] = view
                if self.unread[view.id.seq] != nil { self.unread[view.id.seq] = self.isNamed(in: view.content) }
            case .messageDeleted(let view):
                self.messages[view.id.seq] = view
                self.take(view.content.root)
                self.unread[view.id.seq] = nil
            case .messagePinned(let view), .messageUnpinned(let view): self.messages[view.id.seq] = view
            case .reactionAdded(let seq, let emoji, let user):
                var groups = self.messages[seq]?.reactions ?? []
                if let place = groups.firstIndex(where: { $0.emoji == emoji }) {
                    groups[place].count += 1
                    groups[place].users.append(user)
                } else {
                    groups.append(ReactionGroup(emoji: emoji, count: 1, users: [user]))
                }
                self.messages[seq]?.reactions = groups
            case .reactionRemoved(let seq, let emoji, let user):
                var groups = self.messages[seq]?.reactions ?? []
                if let place = groups.firstIndex(where: { $0.emoji == emoji }) {
                    groups[place].count -= 1
                    groups[place].users.removeAll { $0 == user }
                    if groups[place].users.isEmpty { groups.remove(at: place) }
                }
                self.messages[seq]?.reactions = groups
            case .channelUpdated, .channelArchived, .channelUnarchived, .memberJoined, .memberLeft, .memberUpdated:
                break
            }
        }

        private mutating func take(_ thread: ThreadSummary?) {
            if let thread { self.messages[thread.root]?.thread = thread }
        }

        private func isNamed(in content: MessageContent) -> Bool {
            if content.mentions.contains(where: { $0.user == self.user }) { return true }
            switch content.broadcast {
            case .channel: return true
            case .here(let users): return users.contains(self.user)
            case nil: return false
            }
        }

        mutating func read(_ state: ReadState) {
            self.readSeq = state.readSeq
            self.unread = self.unread.filter { $0.key > state.readSeq }
        }

        /// Without what only events carry, and with groups in no order: which is first is told by pages.
        static func comparable(_ view: MessageView) -> MessageView {
            var view = view
            view.content.root = nil
            view.reactions.sort { $0.emoji < $1.emoji }
            return view
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a client's state by events is the state that is fetched`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var rig = Rig.withRooms()
        let people: [UInt64] = [ada, grace, linus, 4]
        rig.apply(.createUser(account(4)))
        for person in [linus, 4] { rig.apply(.joinChannel(general, by: actor(person))) }
        var clients = people.map { person in
            Client(user: user(person), readSeq: rig.machine.channels[general]?.member(user(person))?.joinedSeq ?? 0)
        }
        var seqs: [UInt64] = []
        for step in 1...500 {
            rig.pass(milliseconds: Int64.random(in: 1...40, using: &random))
            let place = Int.random(in: 0..<people.count, using: &random)
            let command = try Self.command(step, people[place], seqs, &rig, &random)
            let result = rig.apply(command)
            for event in rig.effects.events {
                for client in clients.indices { clients[client].take(event) }
                if event.isMessage { seqs.append(event.seq) }
            }
            if case .read(let state) = result { clients[place].read(state) }
            if step % 50 == 0 { try Self.compare(clients, rig, "seed \(seed), step \(step)") }
        }
        #expect(seqs.count > 50)
    }

    private static func command(
        _ step: Int, _ person: UInt64, _ seqs: [UInt64], _ rig: inout Rig, _ random: inout SeededGenerator
    ) throws -> Command {
        let message = MessageID(channel: general, seq: seqs.randomElement(using: &random) ?? 1)
        let by = actor(person)
        let named = [ada, grace, linus, 4].filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
            .map { Mention(user: user($0), name: "n\($0)") }
        let broadcast: Broadcast? =
            switch Int.random(in: 0..<8, using: &random) {
            case 0: .channel
            case 1: .here([user(grace), user(linus)])
            default: nil
            }
        let emoji = ["+1", "wave", "ok"].randomElement(using: &random) ?? "+1"
        func post(_ thread: MessageID?) -> Command {
            .postMessage(
                general,
                MessageContent(
                    text: "\(step)", clientID: nil, thread: thread, mentions: named, broadcast: broadcast), by: by, nil)
        }
        guard !seqs.isEmpty else { return post(nil) }
        switch Int.random(in: 0...12, using: &random) {
        case 0, 1: return post(nil)
        case 2, 3: return post(message)
        case 4, 5:
            return .editMessage(
                message, text: "edit \(step)", mentions: named, broadcast: broadcast, try rig.snapshot(message), by: by,
                nil)
        case 6: return .deleteMessage(message, asModerator: false, by: by, nil)
        case 7, 8: return .react(message, emoji: emoji, by: by, nil)
        case 9: return .unreact(message, emoji: emoji, by: by, nil)
        case 10: return .pin(message, try rig.snapshot(message), by: by, nil)
        case 11: return .unpin(message, try rig.snapshot(message), by: by, nil)
        default: return .readChannel(general, seq: message.seq, by: by)
        }
    }

    private static func compare(_ clients: [Client], _ rig: Rig, _ place: Comment) throws {
        let head = rig.machine.head(of: general) ?? 0
        let page = try rig.rows.answer(.messages(general, .newest, limit: 1000, head: head))
        guard case .views(let views, _) = page, let entry = rig.machine.channels[general] else {
            Issue.record("no page")
            return
        }
        let fetched = views.map { Client.comparable($0) }
        for client in clients {
            #expect(
                client.messages.values.sorted { $0.id.seq < $1.id.seq }.map { Client.comparable($0) } == fetched, place)
            guard let member = entry.member(client.user) else { continue }
            let state = entry.readState(of: member)
            #expect(state.readSeq == client.readSeq, place)
            #expect(state.unread == UInt32(client.unread.count), place)
            #expect(state.mentions == UInt32(client.unread.values.count { $0 }), place)
        }
    }
}
