import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

/// Random commands about channels, read markers and time: what was restored must be what ran on, and what is counted
/// must follow from the events that clients hear.
@Suite struct ChannelWalkTests {
    struct Walk {
        var random: SeededGenerator
        func dayMilliseconds() -> Int64 { 24 * 3600 * 1000 }

        mutating func below(_ bound: UInt64) -> UInt64 { self.random.next() % bound }
        mutating func who() -> Actor {
            let roles: [Role] = [.member, .member, .member, .moderator, .admin, .guest]
            return actor(1 + self.below(4), roles[Int(self.below(6))])
        }
        mutating func room(_ people: [UserID]) -> ChannelID {
            [general, secret, channel(5), ChannelID.direct(of: people)][Int(self.below(4))]
        }

        mutating func command(head: UInt64) -> Command {
            let who = self.who()
            let people = [user(1 + self.below(4)), user(1 + self.below(4))]
            let room = self.room(people)
            let person = people[0]
            let key = self.below(4) == 0 ? key(who.user.low, "k\(self.below(6))", self.below(2)) : nil
            let message = MessageID(channel: room, seq: 1 + self.below(max(head, 1)))
            switch self.below(26) {
            case 0: return .joinChannel(room, by: who)
            case 1: return .leaveChannel(room, by: who)
            case 2: return .addMember(room, person, by: who)
            case 3: return .removeMember(room, person, by: who)
            case 4: return .archiveChannel(room, by: who, key)
            case 5, 6: return .unarchiveChannel(room, by: who, key)
            case 7: return .setChannelRole(room, person, self.below(2) == 0 ? .owner : .member, by: who, key)
            case 8:
                let type: [ChannelType?] = [nil, .public, .private, .direct]
                let days: [Change<UInt32>] = [.keep, .set(1 + UInt32(self.below(3))), .clear]
                return .updateChannel(
                    room,
                    ChannelPatch(
                        topic: self.below(2) == 0 ? "t\(self.below(3))" : nil, type: type[Int(self.below(4))],
                        broadcastRight: self.below(3) == 0 ? .nobody : nil, retentionDays: days[Int(self.below(3))]),
                    by: who, key)
            case 9:
                let name = "n\(self.below(4))"
                return .renameChannel(room, name: name, folded: name, epoch: self.below(4), by: who, key)
            case 10: return .settleChannelName(room, folded: "n\(self.below(4))")
            case 11: return .openDirect(.direct(of: people), people, by: who)
            case 12, 13, 14: return .readChannel(room, seq: self.below(head + 3), by: who)
            case 15: return .deleteMessage(message, asModerator: self.below(5) == 0, by: who, key)
            case 16: return .timersDue
            case 17:
                let new = NewChannel(id: room, name: "N", folded: "n", type: .public, topic: "")
                return .createNamedChannel(new, by: who, key)
            default:
                let thread = self.below(4) == 0 ? message : nil
                let names = self.below(3) == 0 ? [Mention(user: person, name: "p")] : []
                return .postMessage(
                    room,
                    MessageContent(
                        text: "x", clientID: nil, thread: thread, mentions: names,
                        broadcast: self.below(8) == 0 ? .channel : nil), by: who, key)
            }
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `a restored machine is the one that ran on`(seed: UInt64) throws {
        var walk = Walk(random: SeededGenerator(seed: seed))
        var rig = Rig.withRooms()
        for step in 1...1500 {
            if walk.below(20) == 0 { rig.pass(milliseconds: Int64(walk.below(UInt64(walk.dayMilliseconds())))) }
            rig.pass(milliseconds: 10)
            rig.apply(walk.command(head: rig.machine.head(of: general) ?? 0))
            if step % 150 == 0 {
                let restored = try rig.restored()
                #expect(Self.differences(restored, rig.machine) == [], "seed \(seed), step \(step)")
                rig.machine = restored
            }
        }
    }

    /// Where two machines differ: a whole one is too long to be read.
    private static func differences(_ left: ShardMachine, _ right: ShardMachine) -> [String] {
        guard left != right else { return [] }
        var found = Set(left.channels.keys).union(right.channels.keys).sorted().flatMap { id -> [String] in
            guard let one = left.channels[id], let other = right.channels[id] else { return ["\(id)"] }
            let parts = [
                ("record", one.record == other.record), ("members", one.members == other.members),
                ("index", one.index == other.index), ("extra", one.extra == other.extra),
                ("states", one.content.states == other.content.states),
                ("threads", one.content.threads == other.content.threads),
                ("follows", one.content.follows == other.content.follows),
                ("mentions", one.content.mentions == other.content.mentions),
            ]
            return parts.filter { !$0.1 }.map { "\(id).\($0.0)" }
        }
        if left.timers != right.timers { found.append("timers \(left.timers.timers) \(right.timers.timers)") }
        if left.messageKeys != right.messageKeys { found.append("messageKeys") }
        if left.creationKeys != right.creationKeys { found.append("creationKeys") }
        if left.outbox != right.outbox { found.append("outbox") }
        return found.isEmpty ? ["elsewhere"] : found
    }

    /// What a client that hears every event and its own `read.updated` would count (docs/api/channels.md).
    struct Client {
        var marker: UInt64 = 0
        /// Live messages of others beyond the marker, and whether each names the client.
        var unread: [UInt64: Bool] = [:]

        mutating func hear(_ event: DurableEvent, as me: UserID) {
            switch event.body {
            case .memberJoined(me, _):
                self.marker = event.seq
                self.unread = [:]
            case .messageCreated where event.actor == me: self.read(event.seq)
            case .messageCreated(let content):
                self.unread[event.seq] = content.mentions.contains { $0.user == me } || content.broadcast != nil
            case .messageDeleted(let view): self.unread[view.id.seq] = nil
            default: break
            }
        }
        mutating func read(_ seq: UInt64) {
            self.marker = max(self.marker, seq)
            self.unread = self.unread.filter { $0.key > seq }
        }
    }

    @Test(arguments: 11...16 as ClosedRange<UInt64>)
    func `unread and mentions follow from the events that a client hears`(seed: UInt64) throws {
        var walk = Walk(random: SeededGenerator(seed: seed))
        var rig = Rig.withRooms()
        var clients: [UserID: Client] = [user(ada): Client(marker: 1), user(grace): Client(marker: 2)]
        for step in 1...500 {
            rig.pass(milliseconds: 10)
            let command = walk.command(head: rig.machine.head(of: general) ?? 0)
            // Retention takes events back without telling: another check's matter.
            if case .updateChannel = command { continue }
            rig.apply(command)
            for event in rig.effects.events where event.channel == general {
                if case .memberJoined(let user, _) = event.body { clients[user] = Client() }
                if case .memberLeft(let user, _) = event.body { clients[user] = nil }
                for user in clients.keys { clients[user]?.hear(event, as: user) }
            }
            for case (general, let user, .readUpdated(let state)) in rig.effects.asides {
                clients[user]?.read(state.readSeq)
            }
            for (user, client) in clients {
                let counts = rig.machine.channels[general]?.view(for: user).counts
                let due = ReadState(
                    channel: general, readSeq: client.marker, unread: UInt32(client.unread.count),
                    mentions: UInt32(client.unread.values.count { $0 }))
                #expect(counts == due, "seed \(seed), step \(step): \(command)")
            }
        }
    }
}
