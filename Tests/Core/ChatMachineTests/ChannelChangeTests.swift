import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct ChannelChangeTests {
    private func view(_ result: CommandResult) throws -> ChannelView {
        guard case .channelView(let view) = result else { throw Unexpected(result: result) }
        return view
    }
    struct Unexpected: Error { let result: CommandResult }

    /// Rooms whose names stand in the directory, as creations leave them.
    private static func named() -> Rig {
        var rig = Rig.withRooms()
        for (name, id) in [("general", general), ("secret", secret)] {
            let unique = UniqueName(kind: .channel, name: name)
            rig.apply(.reserveName(unique, .channel(id), listed: id == general))
            rig.apply(.confirmName(unique, .channel(id)))
        }
        return rig
    }

    /// The directory, which is the same machine here, hears what the channel asks of it.
    private func deliver(_ rig: inout Rig) throws {
        for entry in rig.machine.outbox { rig.apply(.applyEffect(entry)) }
        let last = try #require(rig.machine.outbox.last)
        rig.apply(.outboxDelivered(target: .directory, through: last.position))
        #expect(rig.machine.outbox.isEmpty)
    }

    private func owner(_ name: String, _ rig: Rig) -> MachineAnswer {
        rig.answer(.nameOwner(UniqueName(kind: .channel, name: name)))
    }

    // MARK: Settings

    @Test func `a topic is changed by any member and all else by owners`() throws {
        var rig = Rig.withRooms()
        let topic = ChannelPatch(topic: "all of us")
        #expect(rig.apply(.updateChannel(general, topic, by: actor(linus), nil)) == .refused(.forbidden))
        #expect(rig.apply(.updateChannel(general, topic, by: actor(grace, .guest), nil)) == .refused(.forbidden))
        #expect(rig.apply(.updateChannel(secret, topic, by: actor(grace), nil)) == .refused(.notFound))
        let changed = try self.view(rig.apply(.updateChannel(general, topic, by: actor(grace), nil)))
        #expect(changed.state.channel.topic == "all of us" && changed.state.channel.seq == 3)
        #expect(rig.effects.events.map(\.body) == [.channelUpdated(changed.state.channel, changed.extra)])
        let patch = ChannelPatch(broadcastRight: .owners, retentionDays: .set(30))
        #expect(rig.apply(.updateChannel(general, patch, by: actor(grace), nil)) == .refused(.forbidden))
        let kept = try self.view(rig.apply(.updateChannel(general, patch, by: actor(linus, .moderator), nil)))
        #expect(kept.extra.broadcastRight == .owners && kept.extra.retentionDays == 30 && kept.counts == nil)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `what is so already is answered without an event, and a key finds its change again`() throws {
        var rig = Rig.withRooms()
        let once = key(ada, "k")
        let patch = ChannelPatch(topic: "x")
        rig.apply(.updateChannel(general, patch, by: actor(ada), once))
        let hash = rig.machine.stateHash
        rig.apply(.updateChannel(general, patch, by: actor(ada), nil))
        #expect(rig.machine.stateHash == hash && rig.effects.events.isEmpty)
        rig.apply(.updateChannel(general, ChannelPatch(topic: "y"), by: actor(ada), nil))
        let again = try self.view(rig.apply(.updateChannel(general, patch, by: actor(ada), once)))
        #expect(rig.effects.events.isEmpty && again.state.channel.topic == "y")
        #expect(
            rig.apply(.updateChannel(general, patch, by: actor(ada), key(ada, "k", 2)))
                == .refused(.idempotencyKeyReused))
        rig.machine = try rig.restored()
        rig.apply(.updateChannel(general, patch, by: actor(ada), once))
        #expect(rig.effects.events.isEmpty)
    }

    @Test func `a channel that becomes private leaves the directory's list and keeps its members`() throws {
        var rig = Self.named()
        rig.apply(.updateChannel(general, ChannelPatch(type: .private), by: actor(ada), nil))
        try self.deliver(&rig)
        #expect(rig.answer(.listedChannels(prefix: "", after: "", limit: 10)) == .answer(.listedChannels([])))
        #expect(rig.answer(.channel(general, viewer: actor(linus))) == .answer(.refused(.notFound)))
        #expect(rig.answer(.channel(general, viewer: actor(grace))) != .answer(.refused(.notFound)))
        rig.apply(.updateChannel(general, ChannelPatch(type: .public), by: actor(ada), nil))
        try self.deliver(&rig)
        guard
            case .answer(.listedChannels(let listed)) = rig.answer(.listedChannels(prefix: "", after: "", limit: 10))
        else { throw Unexpected(result: .done) }
        #expect(listed.map(\.id) == [general])
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Archive

    @Test func `an archived channel is read and left alone until it is brought back`() throws {
        var rig = Rig.withRooms()
        rig.apply(.postMessage(general, content("before"), by: actor(ada), nil))
        #expect(rig.apply(.archiveChannel(general, by: actor(grace), nil)) == .refused(.forbidden))
        let archived = try self.view(rig.apply(.archiveChannel(general, by: actor(ada), nil)))
        #expect(archived.state.channel.archivedAt == rig.now && archived.state.channel.seq == 4)
        rig.apply(.archiveChannel(general, by: actor(ada), nil))
        #expect(rig.effects.events.isEmpty)
        let writes: [Command] = [
            .postMessage(general, content("x"), by: actor(ada), nil), .joinChannel(general, by: actor(linus)),
            .leaveChannel(general, by: actor(grace)),
            .updateChannel(general, ChannelPatch(topic: "t"), by: actor(ada), nil),
            .renameChannel(general, name: "n", folded: "n", epoch: 0, by: actor(ada), nil),
            .setChannelRole(general, user(grace), .owner, by: actor(ada), nil),
        ]
        for write in writes { #expect(rig.apply(write) == .refused(.channelArchived), "\(write)") }
        guard case .read(let state) = rig.apply(.readChannel(general, seq: 9, by: actor(grace))) else {
            Issue.record("an archived channel can be read")
            return
        }
        #expect(state.readSeq == 4 && state.unread == 0)
        #expect(try rig.restored() == rig.machine)
        rig.apply(.unarchiveChannel(general, by: actor(9, .moderator), nil))
        #expect(rig.effects.events.count == 1)
        #expect(rig.apply(.postMessage(general, content("x"), by: actor(ada), nil)).event?.seq == 6)
    }

    // MARK: Names

    @Test func `a rename keeps the new name and gives the old one back`() throws {
        var rig = Self.named()
        let new = UniqueName(kind: .channel, name: "lounge")
        rig.apply(.claimName(new, general, listed: true, epoch: 0))
        #expect(
            rig.apply(.renameChannel(general, name: "Lounge", folded: "lounge", epoch: 0, by: actor(grace), nil))
                == .refused(.forbidden))
        let renamed = try self.view(
            rig.apply(.renameChannel(general, name: "Lounge", folded: "lounge", epoch: 0, by: actor(ada), nil)))
        #expect(renamed.state.channel.name == "Lounge" && renamed.extra.nameEpoch == 1)
        try self.deliver(&rig)
        #expect(self.owner("general", rig) == .answer(.nameOwner(nil)))
        #expect(self.owner("lounge", rig) == .answer(.nameOwner(.channel(general))))
        #expect(
            rig.apply(.renameChannel(general, name: "den", folded: "den", epoch: 0, by: actor(ada), nil))
                == .refused(.conflict))
        // Case only: the directory hears nothing.
        let cased = try self.view(
            rig.apply(.renameChannel(general, name: "LOUNGE", folded: "lounge", epoch: 1, by: actor(ada), nil)))
        #expect(cased.state.channel.name == "LOUNGE" && rig.machine.outbox.isEmpty)
        #expect(self.owner("lounge", rig) == .answer(.nameOwner(.channel(general))))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a name that is claimed again before it was given back stays the channel's`() throws {
        var rig = Self.named()
        let (lounge, old) = (UniqueName(kind: .channel, name: "lounge"), UniqueName(kind: .channel, name: "general"))
        rig.apply(.claimName(lounge, general, listed: true, epoch: 0))
        rig.apply(.renameChannel(general, name: "Lounge", folded: "lounge", epoch: 0, by: actor(ada), nil))
        // Back to a name that the directory is still to free; another channel wants it as soon as it is.
        #expect(rig.apply(.claimName(old, general, listed: true, epoch: 1)) == .done)
        try self.deliver(&rig)
        #expect(rig.apply(.claimName(old, channel(9), listed: true, epoch: 0)) == .refused(.nameTaken))
        #expect(try rig.restored() == rig.machine)
        _ = try self.view(
            rig.apply(.renameChannel(general, name: "general", folded: "general", epoch: 1, by: actor(ada), nil)))
        try self.deliver(&rig)
        #expect(self.owner("general", rig) == .answer(.nameOwner(.channel(general))))
        #expect(self.owner("lounge", rig) == .answer(.nameOwner(nil)))
    }

    @Test func `a confirmed name is given back by its channel's shard alone`() throws {
        var rig = Self.named()
        let name = UniqueName(kind: .channel, name: "general")
        #expect(rig.apply(.releaseName(name, .channel(general))) == .refused(.conflict))
        #expect(self.owner("general", rig) == .answer(.nameOwner(.channel(general))))
        // A creation tells the directory itself, and gets the name that is free.
        let new = NewChannel(id: channel(9), name: "Nine", folded: "nine", type: .public, topic: "")
        rig.apply(.createNamedChannel(new, by: actor(ada), nil))
        try self.deliver(&rig)
        #expect(self.owner("nine", rig) == .answer(.nameOwner(.channel(channel(9)))))
    }

    @Test func `a name that stayed reserved is settled once and a late rename meets another epoch`() {
        var rig = Self.named()
        #expect(rig.apply(.settleChannelName(general, folded: "general")) == .refused(.alreadyExists))
        #expect(rig.apply(.settleChannelName(general, folded: "lounge")) == .done)
        #expect(
            rig.apply(.renameChannel(general, name: "Lounge", folded: "lounge", epoch: 0, by: actor(ada), nil))
                == .refused(.conflict))
        #expect(rig.apply(.settleChannelName(channel(9), folded: "nine")) == .done)
        let late = NewChannel(id: channel(9), name: "Nine", folded: "nine", type: .public, topic: "")
        #expect(rig.apply(.createNamedChannel(late, by: actor(ada), nil)) == .refused(.aborted))
    }

    @Test func `a channel remembers the name that it was folded to`() throws {
        var rig = Rig.withRooms()
        let new = NewChannel(id: channel(9), name: "Ärzte", folded: "ärzte", type: .public, topic: "")
        rig.apply(.createNamedChannel(new, by: actor(ada), nil))
        #expect(rig.machine.channels[channel(9)]?.extra.folded == "ärzte")
        #expect(rig.apply(.settleChannelName(channel(9), folded: "ärzte")) == .refused(.alreadyExists))
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Roles

    @Test func `owners make owners, and the last one stays`() throws {
        var rig = Rig.withRooms()
        let role = Command.setChannelRole(general, user(grace), .owner, by: actor(ada), nil)
        #expect(
            rig.apply(.setChannelRole(general, user(ada), .member, by: actor(grace), nil)) == .refused(.forbidden))
        #expect(
            rig.apply(.setChannelRole(general, user(linus), .owner, by: actor(ada), nil)) == .refused(.notFound))
        #expect(
            rig.apply(.setChannelRole(general, user(ada), .member, by: actor(ada), nil)) == .refused(.lastOwner))
        #expect(rig.apply(role).membershipSeq == 3)
        #expect(rig.effects.events.map(\.body) == [.memberUpdated(user(grace), .owner)])
        rig.apply(role)
        #expect(rig.effects.events.isEmpty)
        #expect(
            rig.apply(.setChannelRole(general, user(ada), .member, by: actor(grace), nil)).membershipSeq == 4)
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Channels of a few

    @Test func `the channel of some people is one, whoever opens it`() throws {
        var rig = Rig.withRooms()
        let people = [user(ada), user(grace)]
        let id = ChannelID.direct(of: people)
        #expect(rig.apply(.openDirect(id, people, by: actor(linus))) == .refused(.invalid))
        #expect(rig.apply(.openDirect(general, people, by: actor(ada))) == .refused(.invalid))
        #expect(rig.apply(.openDirect(id, people, by: actor(ada, .guest))) == .refused(.forbidden))
        guard case .opened(let record, isNew: true) = rig.apply(.openDirect(id, people, by: actor(ada))) else {
            Issue.record("not opened")
            return
        }
        #expect(record.type == .direct && record.memberCount == 2 && record.seq == 2)
        guard
            case .opened(let same, isNew: false) = rig.apply(
                .openDirect(id, people.reversed() + people, by: actor(grace)))
        else {
            Issue.record("not found again")
            return
        }
        #expect(same == record && rig.effects.events.isEmpty)
        let refused: [Command] = [
            .joinChannel(id, by: actor(ada)), .leaveChannel(id, by: actor(ada)),
            .addMember(id, user(linus), by: actor(ada)), .removeMember(id, user(grace), by: actor(ada)),
            .archiveChannel(id, by: actor(ada), nil), .setChannelRole(id, user(ada), .owner, by: actor(ada), nil),
            .renameChannel(id, name: "n", folded: "n", epoch: 0, by: actor(ada), nil),
            .updateChannel(id, ChannelPatch(type: .public), by: actor(ada), nil),
        ]
        for command in refused { #expect(rig.apply(command) == .refused(.forbidden), "\(command)") }
        #expect(rig.apply(.joinChannel(id, by: actor(linus))) == .refused(.notFound))
        let topic = try self.view(rig.apply(.updateChannel(id, ChannelPatch(topic: "us"), by: actor(grace), nil)))
        #expect(topic.state.channel.topic == "us")
        let trio = people + [user(linus)]
        guard case .opened(let group, _) = rig.apply(.openDirect(.direct(of: trio), trio, by: actor(linus))) else {
            Issue.record("no group")
            return
        }
        #expect(group.type == .group && group.memberCount == 3)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `who shares a channel with the viewer is found, others are not`() {
        let rig = Rig.withRooms()
        let all = [user(linus), user(grace), user(ada)]
        #expect(
            rig.answer(.sharing([general, secret, channel(99)], all, viewer: actor(grace)))
                == .answer(.users([user(ada), user(grace)])))
        #expect(rig.answer(.sharing([general], all, viewer: actor(linus))) == .answer(.users([])))
    }
}
