import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

/// Directories with people in them: user 1 is the administrator.
extension Rig {
    static func directory(_ registration: Registration = .open, people: UInt64 = 3) -> Rig {
        var rig = Rig(shard: .directory, map: ShardMap(shardCount: 4))
        rig.apply(.initialise(DirectoryTests.secrets, .open))
        for number in 1...people { rig.signUp(number) }
        if registration != .open {
            rig.apply(.updateWorkspace(WorkspacePatch(registration: registration), by: actor(1)))
        }
        return rig
    }

    /// Both steps of the directory; the result is that of the first.
    @discardableResult
    mutating func signUp(_ number: UInt64, called name: String? = nil, invite: InviteID? = nil) -> CommandResult {
        let unique = UniqueName(kind: .user, name: name ?? "user\(number)x")
        let result = self.apply(
            .reserveAccount(unique, user(number), displayName: "Person \(number)", invite: invite))
        if case .reserved = result { self.apply(.confirmName(unique, .user(user(number)))) }
        return result
    }

    func listed(_ number: UInt64) -> AccountRecord? { self.machine.account(user(number)) }

    /// What other shards are told by the last command.
    func sent() -> [ShardEffect] {
        self.machine.outbox.filter { $0.position.index == self.index }.map(\.effect)
    }
}

@Suite struct AccountTests {
    static func name(_ text: String) -> UniqueName { UniqueName(kind: .user, name: text) }

    @Test func `a confirmed sign-up is an account with its display name and role`() throws {
        var rig = Rig.directory(people: 1)
        #expect(
            rig.apply(.reserveAccount(Self.name("grace"), user(2), displayName: "Grace H", invite: nil))
                == .reserved(.member))
        #expect(rig.listed(2) == nil && rig.answer(.account(user(2))) == .answer(.refused(.notFound)))
        #expect(try rig.restored() == rig.machine)
        rig.apply(.confirmName(Self.name("grace"), .user(user(2))))
        #expect(rig.effects.accountsChanged)
        #expect(rig.listed(2)?.displayName == "Grace H" && rig.listed(2)?.role == .member)
        #expect(rig.listed(1)?.role == .admin)
        #expect(rig.machine.directory.reservations.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `the same sign-up again is granted again and another name under its id is not`() {
        var rig = Rig.directory(people: 1)
        let first = Command.reserveAccount(Self.name("grace"), user(2), displayName: "", invite: nil)
        #expect(rig.apply(first) == .reserved(.member))
        #expect(rig.apply(first) == .reserved(.member))
        #expect(
            rig.apply(.reserveAccount(Self.name("hopper"), user(2), displayName: "", invite: nil))
                == .refused(.alreadyExists))
        rig.apply(.confirmName(Self.name("grace"), .user(user(2))))
        #expect(rig.apply(first) == .reserved(.member))
        #expect(
            rig.apply(.reserveAccount(Self.name("hopper"), user(2), displayName: "", invite: nil))
                == .refused(.alreadyExists))
    }

    @Test(arguments: [
        ("barney", "bamey"), ("vvendy", "wendy"), ("bob0", "bobo"), ("a1ice", "alice"), ("c0rn1", "coml"),
    ])
    func `a name that looks like another one is taken`(first: String, second: String) throws {
        for (held, wanted) in [(first, second), (second, first)] {
            var rig = Rig.directory(people: 1)
            rig.apply(.reserveAccount(Self.name(held), user(2), displayName: "", invite: nil))
            let command = Command.reserveAccount(Self.name(wanted), user(3), displayName: "", invite: nil)
            #expect(rig.apply(command) == .refused(.nameTaken))
            #expect(try rig.restored() == rig.machine)
            rig.apply(.releaseName(Self.name(held), .user(user(2))))
            #expect(rig.apply(command) == .reserved(.member))
        }
    }

    @Test func `the name of an account is not given back`() {
        var rig = Rig.directory()
        #expect(rig.apply(.releaseName(Self.name("user2x"), .user(user(2)))) == .refused(.conflict))
        #expect(rig.listed(2) != nil)
    }

    // MARK: Standing

    @Test func `a role is given by who is an administrator here, whatever the token says`() throws {
        var rig = Rig.directory()
        let promote = Command.setStanding(user(2), role: .moderator, isDeactivated: nil, policy: nil, by: actor(1))
        #expect(
            rig.apply(.setStanding(user(3), role: .guest, isDeactivated: nil, policy: nil, by: actor(2, .admin)))
                == .refused(.forbidden))
        #expect(
            rig.apply(.setStanding(user(9), role: .guest, isDeactivated: nil, policy: nil, by: actor(1)))
                == .refused(.notFound))
        guard case .account(let account) = rig.apply(promote) else { Issue.record("refused"); return }
        #expect(account.role == .moderator && account.version == rig.index.rawValue)
        #expect(rig.effects.accountsChanged)
        #expect(
            rig.sent() == [
                .setStanding(
                    user(2), Standing(role: .moderator, deactivatedAt: nil, version: rig.index.rawValue, policy: .keep))
            ])
        #expect(rig.apply(promote) == .account(account) && rig.sent().isEmpty && !rig.effects.accountsChanged)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a demoted administrator decides nothing any more`() {
        var rig = Rig.directory()
        rig.apply(.setStanding(user(2), role: .admin, isDeactivated: nil, policy: nil, by: actor(1)))
        rig.apply(.setStanding(user(1), role: .member, isDeactivated: nil, policy: nil, by: actor(2)))
        let old = actor(1, .admin)
        let invite = InviteTests.invite(1, by: 1, until: rig.now.advanced(byMilliseconds: 1000))
        let commands: [Command] = [
            .setStanding(user(3), role: .admin, isDeactivated: nil, policy: nil, by: old),
            .createInvite(invite, by: old), .revokeInvite(invite.id, by: old),
            .updateWorkspace(WorkspacePatch(name: "x"), by: old),
            .resolveFlag(FlagID(high: 1, low: 1), .dismissed, note: "", by: old),
        ]
        for command in commands { #expect(rig.apply(command) == .refused(.forbidden), "\(command)") }
        for query in [
            Query.invites(by: old), .audit(AuditFilter(), before: nil, limit: 10, by: old),
            .flags(isOpen: true, after: nil, limit: 10, by: old),
        ] { #expect(rig.answer(query) == .answer(.refused(.forbidden)), "\(query)") }
    }

    @Test func `the last active administrator stays one`() throws {
        var rig = Rig.directory()
        let demote = Command.setStanding(user(1), role: .member, isDeactivated: nil, policy: nil, by: actor(1))
        let leave = Command.setStanding(user(1), role: nil, isDeactivated: true, policy: nil, by: actor(1))
        #expect(rig.apply(demote) == .refused(.conflict) && rig.apply(leave) == .refused(.conflict))
        rig.apply(.setStanding(user(2), role: .admin, isDeactivated: nil, policy: nil, by: actor(1)))
        rig.apply(.setStanding(user(2), role: nil, isDeactivated: true, policy: nil, by: actor(1)))
        // A deactivated one does not count, now and after a restart.
        #expect(rig.apply(demote) == .refused(.conflict))
        #expect(try rig.restored() == rig.machine)
        rig.apply(.setStanding(user(2), role: nil, isDeactivated: false, policy: nil, by: actor(1)))
        guard case .account = rig.apply(demote) else { Issue.record("refused"); return }
        #expect(rig.listed(1)?.role == .member)
    }

    @Test func `who is deactivated keeps its role, decides nothing and comes back`() throws {
        var rig = Rig.directory()
        rig.apply(.setStanding(user(2), role: .admin, isDeactivated: nil, policy: nil, by: actor(1)))
        rig.apply(.setStanding(user(2), role: nil, isDeactivated: true, policy: .redact, by: actor(1)))
        #expect(rig.listed(2)?.deactivatedAt == rig.now)
        guard case .setStanding(_, let standing)? = rig.sent().first else { Issue.record("nothing sent"); return }
        #expect(standing.policy == .redact && standing.deactivatedAt == rig.now)
        #expect(rig.apply(.updateWorkspace(WorkspacePatch(name: "x"), by: actor(2, .admin))) == .refused(.forbidden))
        rig.apply(.setStanding(user(2), role: nil, isDeactivated: false, policy: nil, by: actor(1)))
        #expect(rig.listed(2)?.deactivatedAt == nil && rig.listed(2)?.role == .admin)
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Listing

    @Test func `of two changes of a listing the newer version stays`() throws {
        var rig = Rig.directory()
        rig.apply(.listAccount(user(2), displayName: "Zoe", avatar: nil, version: 7))
        rig.apply(.listAccount(user(2), displayName: "Ann", avatar: nil, version: 6))
        #expect(rig.listed(2)?.displayName == "Zoe")
        #expect(try rig.restored() == rig.machine)
        // A change of role after it does not forget the version.
        rig.apply(.setStanding(user(2), role: .guest, isDeactivated: nil, policy: nil, by: actor(1)))
        rig.apply(.listAccount(user(2), displayName: "Ann", avatar: nil, version: 7))
        #expect(rig.listed(2)?.displayName == "Zoe" && rig.listed(2)?.role == .guest)
        #expect(rig.apply(.listAccount(user(9), displayName: "", avatar: nil, version: 1)) == .refused(.notFound))
    }

    @Test func `people are found by user name and by words of the display name, in pages`() throws {
        var rig = Rig.directory(people: 1)
        for (number, (name, display)) in [
            ("anna", "Grace Hopper"), ("bert", "Anna-Lena Ångström"), ("carl", "Émile  Zola"), ("anton", "carl"),
            ("dora", "ZOLA"),
        ].enumerated() {
            let user = user(UInt64(number + 10))
            rig.apply(.reserveAccount(Self.name(name), user, displayName: display, invite: nil))
            rig.apply(.confirmName(Self.name(name), .user(user)))
        }
        func find(_ prefix: String, after: String = "", _ limit: UInt32 = 50, all: Bool = false) -> [String] {
            let machine = (try? rig.restored()) ?? rig.machine
            let query = Query.accounts(prefix: prefix, after: after, limit: limit, includesDeactivated: all)
            guard case .answer(.accounts(let kept)) = rig.answer(query),
                case .answer(.accounts(let restored)) = machine.answer(query), kept == restored
            else { return ["different"] }
            return kept.map(\.username)
        }
        #expect(find("") == ["anna", "anton", "bert", "carl", "dora", "user1x"])
        #expect(find("an") == ["anna", "anton", "bert"])
        #expect(find("AN", 2) == ["anna", "anton"] && find("an", after: "anton") == ["bert"])
        #expect(find("carl") == ["anton", "carl"] && find("zola") == ["carl", "dora"])
        #expect(find("ång") == ["bert"] && find("émile") == ["carl"] && find("opper") == [])
        #expect(find("person") == ["user1x"] && find("", after: "zzz") == [])
        rig.apply(.setStanding(user(10), role: nil, isDeactivated: true, policy: nil, by: actor(1)))
        #expect(find("an") == ["anton", "bert"] && find("an", all: true) == ["anna", "anton", "bert"])
        rig.apply(.listAccount(user(11), displayName: "Bo", avatar: nil, version: 1))
        #expect(find("an") == ["anton"] && find("bo") == ["bert"])
    }

    @Test func `pages of people have no gap and nobody twice, whatever the names`() {
        var generator = SeededGenerator(seed: 11)
        var rig = Rig.directory(people: 1)
        let letters = Array("abc")
        var people = [("user1x", "Person 1")]
        for number in 2...300 {
            let text = "u\(number)" + String((0..<3).map { _ in letters.randomElement(using: &generator)! })
            let display = (0..<2).map { _ in String(letters.randomElement(using: &generator)!) }.joined(separator: " ")
            let id = user(UInt64(number))
            rig.apply(.reserveAccount(Self.name(text), id, displayName: display, invite: nil))
            rig.apply(.confirmName(Self.name(text), .user(id)))
            people.append((text, display))
        }
        for prefix in ["", "u", "a", "b", "u1"] {
            let expected = people.filter { name, display in
                name.hasPrefix(prefix)
                    || display.lowercased().split(separator: " ").contains { $0.hasPrefix(prefix) }
            }.map(\.0).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            var found: [String] = []
            for _ in 0..<100 {
                let query = Query.accounts(
                    prefix: prefix, after: found.last ?? "", limit: 7, includesDeactivated: false)
                guard case .answer(.accounts(let page)) = rig.answer(query), !page.isEmpty else { break }
                found += page.map(\.username)
            }
            #expect(found == expected, "\(prefix)")
        }
    }

    @Test func `the channels' directory follows a change of listing`() throws {
        var rig = Rig.directory()
        let name = UniqueName(kind: .channel, name: "general")
        rig.apply(.reserveName(name, .channel(general), listed: true))
        rig.apply(.confirmName(name, .channel(general)))
        func listed() -> Int {
            guard case .answer(.listedChannels(let all)) = rig.answer(.listedChannels(prefix: "", after: "", limit: 9))
            else { return -1 }
            return all.count
        }
        func tell(_ isListed: Bool, _ owner: ChannelID, _ ordinal: UInt32) -> Command {
            .applyEffect(
                OutboxEntry(
                    source: ShardID(1), position: OutboxPosition(index: LogIndex(1), ordinal: ordinal),
                    target: .directory, effect: .setNameListed(name, .channel(owner), isListed: isListed)))
        }
        #expect(rig.apply(tell(false, secret, 1)) == .refused(.notFound) && listed() == 1)
        #expect(rig.apply(tell(false, general, 2)) == .done && listed() == 0)
        #expect(try rig.restored() == rig.machine)
        #expect(rig.apply(tell(true, general, 3)) == .done && listed() == 1)
    }
}
