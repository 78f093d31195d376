import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

/// While other shards do not take what this one has for them, nothing more is accepted that would need them.
@Suite struct OutboxBoundTests {
    /// A shard that owns everything but what its effects are for, so that they all wait.
    private static func shard() throws -> Rig {
        var rig = Rig(shard: ShardID(99), map: ShardMap(shardCount: 4))
        rig.apply(.initialise(DirectoryTests.secrets, .open))
        for person in [ada, grace, linus] {
            let name = UniqueName(kind: .user, name: "user\(person)")
            rig.apply(.reserveAccount(name, user(person), displayName: "", invite: nil))
            rig.apply(.createUser(account(person)))
            rig.apply(.confirmName(name, .user(user(person))))
        }
        rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        rig.apply(.joinChannel(general, by: actor(grace)))
        rig.apply(.startSession(device(ada, of: ada, at: rig.now)))
        rig.apply(.startSession(device(grace, of: ada, at: rig.now)))
        rig.apply(.rotateSession(user(ada), session(grace), generation: 1))
        rig.tick(milliseconds: ShardMachine.rotationGraceMilliseconds + 1)
        return rig
    }

    private static func fill(_ rig: inout Rig) throws {
        let entry = try #require(rig.machine.outbox.last)
        let missing = ShardMachine.outboxMax - rig.machine.outbox.count
        rig.machine.outbox += Array(repeating: entry, count: missing)
    }

    private static func commands(_ rig: Rig) -> [Command] {
        let later = rig.now.advanced(byMilliseconds: 60_000)
        return [
            .joinChannel(general, by: actor(linus)),
            .addMember(general, user(linus), by: actor(ada)),
            .leaveChannel(general, by: actor(grace)),
            .removeMember(general, user(grace), by: actor(ada)),
            .createChannel(secret, name: "secret", type: .private, topic: "", by: actor(ada), nil),
            .createNamedChannel(
                NewChannel(id: channel(3), name: "Plans", folded: "plans", type: .public, topic: ""), by: actor(ada),
                nil),
            .updateProfile(
                user(ada),
                ProfilePatch(displayName: "Ada", email: .keep, statusText: nil, statusUntil: .keep, avatar: .keep),
                by: actor(ada)),
            .endSession(user(ada), session(ada)),
            .endSessions(user(ada), keeping: nil),
            // A token that was used before, from long ago.
            .rotateSession(user(ada), session(grace), generation: 1),
            .scheduleMessage(user(ada), ScheduledTests.message(1, at: later), by: actor(ada)),
            .setStanding(user(grace), role: .moderator, isDeactivated: nil, policy: nil, by: actor(ada)),
            .updateWorkspace(WorkspacePatch(retentionDays: .set(30)), by: actor(ada)),
        ]
    }

    @Test func `what would need another shard is refused while too much waits, and changes nothing`() throws {
        var rig = try Self.shard()
        try Self.fill(&rig)
        for command in Self.commands(rig) {
            let before = rig.machine.stateHash
            #expect(rig.apply(command) == .refused(.congested), "\(command)")
            #expect(rig.effects.events.isEmpty && !rig.effects.outboxAdded, "\(command)")
            #expect(rig.machine.outbox.count == ShardMachine.outboxMax)
            #expect(rig.machine.stateHash == before, "\(command)")
        }
    }

    @Test func `with room for one more each of them is accepted`() throws {
        let rig = try Self.shard()
        for command in Self.commands(rig) {
            var rig = rig
            try Self.fill(&rig)
            rig.machine.outbox.removeLast()
            #expect(rig.apply(command) != .refused(.congested), "\(command)")
        }
    }

    @Test func `what needs no other shard goes on`() throws {
        var rig = try Self.shard()
        try Self.fill(&rig)
        let patch = ProfilePatch(displayName: nil, email: .keep, statusText: "busy", statusUntil: .keep, avatar: .keep)
        let commands: [Command] = [
            .postMessage(general, content("hello"), by: actor(ada), nil), .joinChannel(general, by: actor(grace)),
            .startSession(device(linus, of: ada, at: rig.now)), .updateProfile(user(ada), patch, by: actor(ada)),
            .endSession(user(ada), session(999)), .rotateSession(user(ada), session(grace), generation: 2),
        ]
        for command in commands {
            if case .refused = rig.apply(command) { Issue.record("\(command) was refused") }
        }
    }

    @Test func `timers and what other shards have decided are never held up`() throws {
        var rig = try Self.shard()
        let due = rig.now.advanced(byMilliseconds: 1_000)
        rig.apply(.scheduleMessage(user(ada), ScheduledTests.message(1, at: due), by: actor(ada)))
        try Self.fill(&rig)
        rig.pass(milliseconds: 1_000)
        #expect(rig.apply(.timersDue) == .done)
        #expect(rig.machine.outbox.count == ShardMachine.outboxMax + 1)
        guard case .postScheduled = rig.machine.outbox.last?.effect else {
            Issue.record("the message was not sent off")
            return
        }
        func receive(_ effect: ShardEffect, for target: ShardKey, _ index: UInt64) -> CommandResult {
            rig.apply(
                .applyEffect(
                    OutboxEntry(
                        source: ShardID(1), position: OutboxPosition(index: LogIndex(index), ordinal: 0),
                        target: target, effect: effect)))
        }
        // It names somebody, who is told by an effect.
        var named = ScheduledTests.message(2, at: due)
        named = ScheduledMessage(
            id: named.id, channel: general,
            content: MessageContent(
                text: "@grace", clientID: nil, thread: nil, mentions: [Mention(user: user(grace), name: "grace")]),
            sendAt: due, createdAt: .zero)
        let posted = receive(.postScheduled(named, by: actor(ada)), for: .channel(general), 1)
        #expect(posted.event != nil, "\(posted)")
        let standing = Standing(role: .admin, deactivatedAt: rig.now, version: 99, policy: .keep)
        #expect(receive(.setStanding(user(ada), standing), for: .user(user(ada)), 2) == .done)
        #expect(rig.answer(.sessions(user(ada))) == .answer(.sessions([])))
    }
}
