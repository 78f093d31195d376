import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

@Suite struct InviteTests {
    static func invite(
        _ number: UInt64, by creator: UInt64 = 1, role: Role = .member, uses: UInt32 = 1, until: Timestamp
    ) -> InviteRecord {
        InviteRecord(
            id: InviteID(high: 7, low: number), role: role, usesMax: uses, uses: 0, expiresAt: until,
            createdBy: user(creator), createdAt: Timestamp(milliseconds: Int64(number)))
    }
    static func name(_ text: String) -> UniqueName { UniqueName(kind: .user, name: text) }

    @Test func `an invite opens a closed door once for each use, with its role`() throws {
        var rig = Rig.directory(.invite)
        let guest = Self.invite(1, role: .guest, uses: 2, until: rig.now.advanced(byMilliseconds: 60_000))
        #expect(rig.apply(.createInvite(guest, by: actor(1))) == .invite(guest))
        #expect(rig.signUp(10) == .refused(.inviteRequired))
        #expect(rig.signUp(10, invite: guest.id) == .reserved(.guest))
        // The same sign-up again is no second use.
        #expect(rig.signUp(10, invite: guest.id) == .reserved(.guest))
        #expect(rig.signUp(11, invite: guest.id) == .reserved(.guest) && rig.listed(11)?.role == .guest)
        #expect(rig.signUp(12, invite: guest.id) == .refused(.inviteInvalid))
        #expect(rig.signUp(12, invite: InviteID(high: 1, low: 1)) == .refused(.inviteInvalid))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `of two that race for the last use the second is refused, and gets it when the first gives up`() throws {
        var rig = Rig.directory(.invite)
        let last = Self.invite(1, until: rig.now.advanced(byMilliseconds: 60_000))
        rig.apply(.createInvite(last, by: actor(1)))
        let second = Command.reserveAccount(Self.name("second"), user(11), displayName: "", invite: last.id)
        #expect(
            rig.apply(.reserveAccount(Self.name("first"), user(10), displayName: "", invite: last.id))
                == .reserved(.member))
        #expect(rig.apply(second) == .refused(.inviteInvalid))
        #expect(try rig.restored() == rig.machine)
        rig.apply(.releaseName(Self.name("first"), .user(user(10))))
        rig.apply(.releaseName(Self.name("first"), .user(user(10))))
        #expect(rig.machine.directory.invites[last.id]?.uses == 0 && rig.machine.directory.reservations.isEmpty)
        #expect(rig.apply(second) == .reserved(.member))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a name that is taken costs the invite nothing`() {
        var rig = Rig.directory(.invite)
        let invite = Self.invite(1, until: rig.now.advanced(byMilliseconds: 60_000))
        rig.apply(.createInvite(invite, by: actor(1)))
        #expect(rig.signUp(10, called: "user2x", invite: invite.id) == .refused(.nameTaken))
        #expect(rig.machine.directory.invites[invite.id]?.uses == 0)
    }

    @Test func `an invite ends at its time and when it is revoked`() throws {
        var rig = Rig.directory(.invite)
        let brief = Self.invite(1, uses: 5, until: rig.now.advanced(byMilliseconds: 1_000))
        let revoked = Self.invite(2, uses: 5, until: rig.now.advanced(byMilliseconds: 60_000))
        for invite in [brief, revoked] { rig.apply(.createInvite(invite, by: actor(1))) }
        #expect(rig.answer(.invites(by: actor(1))) == .answer(.invites([revoked, brief])))
        #expect(rig.apply(.revokeInvite(revoked.id, by: actor(1))) == .done)
        #expect(rig.apply(.revokeInvite(revoked.id, by: actor(1))) == .done)
        rig.tick(milliseconds: 1_000)
        #expect(rig.answer(.invites(by: actor(1))) == .answer(.invites([])))
        for invite in [brief, revoked] { #expect(rig.signUp(10, invite: invite.id) == .refused(.inviteInvalid)) }
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `an invite is for when the door is not shut, and counts when it stands open`() {
        var shut = Rig.directory(.closed)
        let invite = Self.invite(1, role: .moderator, until: shut.now.advanced(byMilliseconds: 60_000))
        shut.apply(.createInvite(invite, by: actor(1)))
        #expect(shut.signUp(10, invite: invite.id) == .refused(.registrationClosed))
        var open = Rig.directory(.open)
        open.apply(.createInvite(invite, by: actor(1)))
        #expect(open.signUp(10, invite: invite.id) == .reserved(.moderator))
        #expect(open.signUp(11, invite: invite.id) == .refused(.inviteInvalid))
        #expect(open.signUp(11) == .reserved(.member))
    }

    @Test func `invites have bounds, and the same one again is the same answer`() throws {
        var rig = Rig.directory()
        let year: Int64 = 366 * 24 * 3600 * 1000
        let far = Self.invite(1, until: rig.now.advanced(byMilliseconds: year + 1))
        #expect(rig.apply(.createInvite(far, by: actor(1))) == .refused(.invalid))
        #expect(rig.apply(.createInvite(Self.invite(1, until: rig.now), by: actor(1))) == .refused(.invalid))
        let end = rig.now.advanced(byMilliseconds: 1_000)
        for uses in [UInt32(0), 10_001] {
            #expect(
                rig.apply(.createInvite(Self.invite(1, uses: uses, until: end), by: actor(1))) == .refused(.invalid))
        }
        #expect(rig.apply(.createInvite(Self.invite(1, by: 2, until: end), by: actor(1))) == .refused(.invalid))
        for number in 1...UInt64(ShardMachine.invitesMax) {
            rig.apply(.createInvite(Self.invite(number, until: end), by: actor(1)))
        }
        let one = Self.invite(1, until: end)
        #expect(rig.apply(.createInvite(one, by: actor(1))) == .invite(one))
        #expect(rig.apply(.createInvite(Self.invite(1, uses: 2, until: end), by: actor(1))) == .refused(.alreadyExists))
        #expect(rig.apply(.createInvite(Self.invite(5_000, until: end), by: actor(1))) == .refused(.quota))
        // One that is used up makes room, and all do when their time has come.
        rig.signUp(10, invite: one.id)
        let next = Self.invite(5_000, until: end)
        #expect(rig.apply(.createInvite(next, by: actor(1))) == .invite(next))
        rig.tick(milliseconds: 1_000)
        let later = Self.invite(6_000, until: rig.now.advanced(byMilliseconds: 1_000))
        #expect(rig.apply(.createInvite(later, by: actor(1))) == .invite(later))
        #expect(rig.machine.directory.invites.count == 1)
        #expect(try rig.restored() == rig.machine)
    }
}
