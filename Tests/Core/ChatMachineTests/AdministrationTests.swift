import ChatModel
import ClusterModel
import MemoryProjection
import Placement
import Testing

@testable import ChatMachine

// The workspace's settings, the audit log, flags, emoji.

@Suite struct AdministrationTests {
    // MARK: The workspace

    @Test func `settings change field by field, and every shard hears what it decides by`() throws {
        var rig = Rig.directory()
        let patch = WorkspacePatch(
            name: "Lab", allowedOrigins: ["https://a.example"], retentionDays: .set(30), broadcastRight: .owners,
            editWindowSeconds: .set(0), publicURL: .set("https://chat.example"))
        guard case .workspace(let new) = rig.apply(.updateWorkspace(patch, by: actor(1))) else {
            Issue.record("refused")
            return
        }
        #expect(new.name == "Lab" && new.retentionDays == 30 && new.registration == .open)
        #expect(rig.effects.accountsChanged && rig.answer(.workspace) == .answer(.workspace(new)))
        let copy = WorkspaceCopy(
            retentionDays: 30, broadcastRight: .owners, editWindowSeconds: 0, version: rig.index.rawValue)
        #expect(rig.sent() == Array(repeating: .workspaceChanged(copy), count: 4))
        #expect(try rig.restored() == rig.machine)
        // What no shard decides by goes to none; what changes nothing is nothing.
        rig.apply(.updateWorkspace(WorkspacePatch(name: "Labs"), by: actor(1)))
        #expect(rig.sent().isEmpty && rig.machine.directory.auditHead.number == 2)
        rig.apply(.updateWorkspace(WorkspacePatch(name: "Labs"), by: actor(1)))
        #expect(rig.machine.directory.auditHead.number == 2)
        rig.apply(.updateWorkspace(WorkspacePatch(retentionDays: .clear, publicURL: .clear), by: actor(1)))
        #expect(rig.machine.workspace.retentionDays == nil && rig.machine.workspace.publicURL == nil)
        #expect(rig.machine.workspace.editWindowSeconds == 0)
        #expect(rig.apply(.updateWorkspace(WorkspacePatch(name: "x"), by: actor(2))) == .refused(.forbidden))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `who may sign up is what was set last, after a restart too`() throws {
        var rig = Rig.directory()
        for registration in [Registration.closed, .invite, .open, .closed] {
            rig.apply(.updateWorkspace(WorkspacePatch(registration: registration), by: actor(1)))
            #expect(rig.machine.registration == registration && rig.effects.directoryChanged)
            #expect(try rig.restored().registration == registration)
        }
        #expect(rig.signUp(10) == .refused(.registrationClosed))
    }

    // MARK: Audit

    private func entries(_ rig: Rig) throws -> [AuditEntry] {
        try rig.rows.items.filter { $0.key.kind == ItemKind.audit.rawValue }.sorted { $0.key < $1.key }
            .map { try AuditEntry(encoded: $0.value) }
    }

    @Test func `a thousand entries are a chain, and one changed byte breaks it`() throws {
        var rig = Rig.directory()
        for number in 1...1_000 {
            rig.apply(
                .recordAudit(
                    AuditNote(
                        actor: number % 2 == 0 ? nil : user(1), action: "test.\(number % 3)", target: "t\(number)",
                        details: [AuditDetail(name: "n", value: "\(number)")], at: rig.now)))
        }
        let entries = try self.entries(rig)
        #expect(entries.map(\.number) == Array(1...1_000))
        var previous = Digest.zero
        for entry in entries {
            #expect(entry.previous == previous && entry.isIntact)
            previous = entry.digest
        }
        #expect(rig.machine.directory.auditHead.digest == previous)
        #expect(try rig.restored() == rig.machine)

        var generator = SeededGenerator(seed: 3)
        for entry in entries.shuffled(using: &generator).prefix(50) {
            var bytes = entry.encoded
            bytes[Int.random(in: bytes.indices, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            guard let forged = try? AuditEntry(encoded: bytes) else { continue }
            let isNoticed = !forged.isIntact || forged.previous != entry.previous || forged.digest != entry.digest
            #expect(isNoticed, "\(entry.number)")
        }
        // An entry that was taken out leaves a gap between its neighbours.
        #expect(entries[499].digest != entries[501].previous)
    }

    @Test func `the audit log is read from the newest on, by actor, action, target and time`() throws {
        var rig = Rig.directory()
        let start = rig.now
        for number in 1...30 {
            rig.pass(milliseconds: 1_000)
            rig.apply(
                .recordAudit(
                    AuditNote(
                        actor: user(UInt64(number % 2 + 1)), action: number % 3 == 0 ? "user.role" : "invite.create",
                        target: "t\(number % 5)", details: [], at: rig.now)))
        }
        func numbers(_ filter: AuditFilter, before: UInt64? = nil, _ limit: UInt32 = 50) throws -> ([UInt64], UInt64?) {
            switch rig.answer(.audit(filter, before: before, limit: limit, by: actor(1))) {
            case .needsHistory(let request):
                guard case .audit(let entries, let before) = try rig.rows.answer(request) else { return ([], 0) }
                return (entries.map(\.number), before)
            case .answer(.audit(let entries, let before)): return (entries.map(\.number), before)
            case .answer: return ([], 0)
            }
        }
        #expect(try numbers(AuditFilter()) == (Array((1...30).reversed()), nil))
        let (first, next) = try numbers(AuditFilter(), 7)
        #expect(first == Array((24...30).reversed()) && next == 24)
        #expect(try numbers(AuditFilter(), before: next, 7).0 == Array((17...23).reversed()))
        #expect(try numbers(AuditFilter(), before: 1).0 == [] && numbers(AuditFilter(), before: 0).0 == [])
        #expect(try numbers(AuditFilter(actor: user(1), action: "user.")).0 == [30, 24, 18, 12, 6])
        #expect(try numbers(AuditFilter(action: "user.role", target: "t0")).0 == [30, 15])
        let filter = AuditFilter(
            since: start.advanced(byMilliseconds: 5_000), until: start.advanced(byMilliseconds: 7_000))
        #expect(try numbers(filter).0 == [7, 6, 5])
    }

    @Test func `what administrators do is in the audit log`() throws {
        var rig = Rig.directory()
        rig.apply(.setStanding(user(2), role: .moderator, isDeactivated: nil, policy: nil, by: actor(1)))
        rig.apply(.setStanding(user(3), role: nil, isDeactivated: true, policy: nil, by: actor(1)))
        rig.apply(.setStanding(user(3), role: nil, isDeactivated: false, policy: nil, by: actor(1)))
        let invite = InviteTests.invite(1, until: rig.now.advanced(byMilliseconds: 1_000))
        rig.apply(.createInvite(invite, by: actor(1)))
        rig.apply(.revokeInvite(invite.id, by: actor(1)))
        rig.apply(.updateWorkspace(WorkspacePatch(name: String(repeating: "é", count: 100)), by: actor(1)))
        let entries = try self.entries(rig)
        #expect(
            entries.map(\.note.action) == [
                "user.role", "user.deactivate", "user.reactivate", "invite.create", "invite.revoke", "workspace.update",
            ])
        #expect(entries.allSatisfy { $0.note.actor == user(1) && $0.note.at == rig.now })
        #expect(entries[0].note.details.map(\.value) == ["member", "moderator"])
    }

    @Test func `a long value is cut between characters`() {
        for bytes in 0...12 {
            let cut = "aé漢😀b".cut(to: bytes)
            #expect("aé漢😀b".hasPrefix(cut) && cut.utf8.count <= bytes && cut.utf8.count >= min(bytes, 11) - 3)
        }
    }

    // MARK: Flags

    private func flag(_ number: UInt64, at: Int64 = 0) -> FlagRecord {
        FlagRecord(
            id: FlagID(high: 9, low: number), message: MessageID(channel: general, seq: number + 1), author: user(3),
            reporter: user(2), reason: "rude", excerpt: "text", at: Timestamp(milliseconds: at), resolution: nil)
    }

    private func file(_ flag: FlagRecord, _ ordinal: UInt32) -> Command {
        .applyEffect(
            OutboxEntry(
                source: ShardID(1), position: OutboxPosition(index: LogIndex(1), ordinal: ordinal), target: .directory,
                effect: .fileFlag(flag)))
    }

    @Test func `flags wait until a moderator resolves them, and stand among the resolved ones then`() throws {
        var rig = Rig.directory()
        rig.apply(.setStanding(user(2), role: .moderator, isDeactivated: nil, policy: nil, by: actor(1)))
        for number in 1...3 { rig.apply(self.file(self.flag(UInt64(number)), UInt32(number))) }
        rig.apply(self.file(self.flag(2), 4))
        func open(after: FlagID? = nil, _ limit: UInt32 = 9) -> MachineAnswer {
            rig.answer(.flags(isOpen: true, after: after, limit: limit, by: actor(2)))
        }
        #expect(open() == .answer(.flags((1...3).map { self.flag($0) })))
        #expect(open(1) == .answer(.flags([self.flag(1)])))
        #expect(open(after: self.flag(1).id, 1) == .answer(.flags([self.flag(2)])))
        let resolve = Command.resolveFlag(self.flag(2).id, .deleted, note: "gone", by: actor(2))
        #expect(
            rig.apply(.resolveFlag(self.flag(2).id, .deleted, note: "", by: actor(3, .moderator)))
                == .refused(.forbidden))
        guard case .flag(let resolved) = rig.apply(resolve) else { Issue.record("refused"); return }
        #expect(resolved.resolution == FlagResolution(action: .deleted, by: user(2), at: rig.now, note: "gone"))
        #expect(rig.apply(resolve) == .refused(.notFound))
        #expect(open() == .answer(.flags([self.flag(1), self.flag(3)])))
        guard
            case .needsHistory(let request) = rig.answer(.flags(isOpen: false, after: nil, limit: 9, by: actor(2))),
            case .needsHistory(let rest) = rig.answer(
                .flags(isOpen: false, after: resolved.id, limit: 9, by: actor(2)))
        else { Issue.record("no request"); return }
        #expect(try rig.rows.answer(request) == .flags([resolved]) && rig.rows.answer(rest) == .flags([]))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `beyond the bound the oldest flag closes unseen`() throws {
        var rig = Rig.directory()
        for number in 0...ShardMachine.flagsMax {
            // The ids do not rise with the time.
            rig.apply(self.file(self.flag(UInt64(20_000 - number), at: Int64(number)), UInt32(number + 1)))
        }
        #expect(rig.machine.directory.flags.count == ShardMachine.flagsMax)
        #expect(!rig.machine.directory.flags.contains { $0.id == self.flag(20_000).id })
        let last = try #require(try self.entries(rig).last)
        #expect(last.note.action == "flag.resolve" && last.note.actor == nil)
    }

    // MARK: Emoji

    @Test func `a name stands for one emoji, and its creator or a moderator takes it away`() throws {
        var rig = Rig.directory()
        func emoji(_ name: String, _ alias: String, by creator: UInt64) -> EmojiRecord {
            EmojiRecord(name: name, alias: alias, createdBy: user(creator), createdAt: rig.now)
        }
        let party = emoji("party", "🎉", by: 2)
        #expect(rig.apply(.putEmoji(party, by: actor(2))) == .emoji(party))
        #expect(rig.apply(.putEmoji(emoji("party", "🎉", by: 3), by: actor(3))) == .emoji(party))
        #expect(rig.apply(.putEmoji(emoji("party", "🔥", by: 3), by: actor(3))) == .refused(.nameTaken))
        #expect(rig.apply(.putEmoji(emoji("x", "🔥", by: 9), by: actor(9))) == .refused(.forbidden))
        rig.apply(.putEmoji(emoji("fire", "🔥", by: 2), by: actor(2)))
        #expect(rig.answer(.emoji(after: "", limit: 1)) == .answer(.emoji([emoji("fire", "🔥", by: 2)])))
        #expect(rig.answer(.emoji(after: "fire", limit: 9)) == .answer(.emoji([party])))
        #expect(rig.apply(.removeEmoji(name: "party", by: actor(3))) == .refused(.forbidden))
        #expect(try rig.restored() == rig.machine)
        #expect(rig.apply(.removeEmoji(name: "party", by: actor(2))) == .done)
        #expect(rig.apply(.removeEmoji(name: "fire", by: actor(1))) == .done)
        #expect(rig.apply(.removeEmoji(name: "fire", by: actor(3))) == .done)
        #expect(rig.machine.directory.emoji.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }
}
