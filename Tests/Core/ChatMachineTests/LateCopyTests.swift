import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

/// A router sends again what it had no answer to, and the first copy may arrive after all: when the person has been
/// answered, and has done something else since.
@Suite struct LateCopyTests {
    /// As the router sends it: with a key of its own.
    private func sent(_ command: Command, _ request: String) -> Command {
        command.settingKey { IdempotencyKey(user: $0.user, key: request, fingerprint: 7) }
    }

    private func isMember(_ person: UInt64, _ rig: Rig) -> Bool { rig.machine.isMember(user(person), of: general) }

    @Test func `a late copy of joining does not bring back who has left`() throws {
        var rig = Rig.withRooms()
        let join = self.sent(.joinChannel(general, by: actor(linus)), "r1")
        let seq = try #require(rig.apply(join).membershipSeq)
        #expect(self.isMember(linus, rig))
        rig.apply(self.sent(.leaveChannel(general, by: actor(linus)), "r2"))
        #expect(!self.isMember(linus, rig))
        rig.machine = try rig.restored()
        #expect(rig.apply(join).membershipSeq == seq)
        #expect(!self.isMember(linus, rig) && rig.effects.events.isEmpty)
        // A new request is another one.
        rig.apply(self.sent(.joinChannel(general, by: actor(linus)), "r3"))
        #expect(self.isMember(linus, rig))
    }

    @Test func `a late copy of removing does not remove who was brought in again`() throws {
        var rig = Rig.withRooms()
        let removal = self.sent(.removeMember(general, user(grace), by: actor(ada)), "r1")
        let addition = self.sent(.addMember(general, user(grace), by: actor(ada)), "r2")
        rig.apply(removal)
        rig.apply(addition)
        rig.apply(removal)
        #expect(self.isMember(grace, rig))
        let leaving = self.sent(.leaveChannel(general, by: actor(grace)), "r3")
        rig.apply(leaving)
        rig.apply(addition)
        #expect(!self.isMember(grace, rig))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `who has left a private channel is told so again`() throws {
        var rig = Rig.withRooms()
        rig.apply(.addMember(secret, user(grace), by: actor(ada)))
        let leaving = self.sent(.leaveChannel(secret, by: actor(grace)), "r1")
        let seq = try #require(rig.apply(leaving).membershipSeq)
        #expect(rig.apply(leaving).membershipSeq == seq)
        #expect(rig.apply(self.sent(.leaveChannel(secret, by: actor(grace)), "r2")) == .refused(.notFound))
        // The same key for something else.
        let other = Command.changeMember(
            general, user(grace), isMember: false, by: actor(grace),
            IdempotencyKey(user: user(grace), key: "r1", fingerprint: 8))
        #expect(rig.apply(other).membershipSeq != nil)
        let reused = Command.changeMember(
            secret, user(grace), isMember: false, by: actor(grace),
            IdempotencyKey(user: user(grace), key: "r1", fingerprint: 8))
        #expect(rig.apply(reused) == .refused(.idempotencyKeyReused))
    }
}
