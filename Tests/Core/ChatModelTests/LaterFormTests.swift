import ClusterModel
import Testing

@testable import ChatModel

@Suite struct LaterFormTests {
    private let user = UserID(high: 1, low: 2)
    private let channel = ChannelID(high: 5, low: 6)
    private var actor: Actor { Actor(user: self.user, role: .member, session: SessionID(high: 3, low: 4)) }
    private var message: MessageID { MessageID(channel: self.channel, seq: 9) }
    private func text(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test func `the longest of everything is well formed and comes back from the log`() throws {
        let content = MessageContent(
            text: self.text(16_384), clientID: self.text(128), thread: self.message,
            mentions: (0..<50).map { Mention(user: UserID(high: 0, low: $0), name: self.text(256)) },
            broadcast: .here((0..<1000).map { UserID(high: 1, low: $0) }),
            files: (0..<10).map { FileID(high: 0, low: $0) }, attachments: self.text(32 * 1024))
        let snapshot = MessageSnapshot(content: content, editedAt: .zero, version: 3)
        let note = AuditNote(
            actor: nil, action: self.text(256), target: self.text(256),
            details: (0..<32).map { _ in AuditDetail(name: self.text(256), value: self.text(1024)) }, at: .zero)
        let most: [Command] = [
            .postMessage(self.channel, content, by: self.actor, nil),
            .editMessage(
                self.message, text: self.text(16_384), mentions: content.mentions, broadcast: .channel, snapshot,
                by: self.actor, nil),
            .react(self.message, emoji: self.text(64), by: self.actor, nil),
            .flagMessage(self.message, reason: self.text(1000), excerpt: self.text(1000), by: self.actor),
            .openDirect(self.channel, (0..<9).map { UserID(high: 0, low: $0) }, by: self.actor),
            .updateProfile(self.user, ProfilePatch(statusText: self.text(512)), by: self.actor),
            .readNotifications(self.user, Array(1...200), through: nil), .recordAudit(note),
            .completeKey(
                IdempotencyKey(user: self.user, key: self.text(128), fingerprint: 1),
                StoredAnswer(status: 201, body: Array(repeating: 1, count: 8192))),
            .updateWorkspace(
                WorkspacePatch(allowedOrigins: Array(repeating: self.text(256), count: 64)), by: self.actor),
        ]
        for command in most {
            #expect(command.isWellFormed, "\(command.kind)")
            #expect(try Command(encoded: command.encoded) == command)
        }
    }

    @Test func `one more of anything is not`() {
        let entry = OutboxEntry(
            source: ShardID(1), position: .zero, target: .directory, effect: .redactAuthor(self.channel, self.user))
        func post(_ content: MessageContent) -> Command { .postMessage(self.channel, content, by: self.actor, nil) }
        var crowded = MessageContent(text: "x", clientID: nil, thread: nil)
        crowded.mentions = Array(repeating: Mention(user: self.user, name: "a"), count: 51)
        var loud = MessageContent(text: "x", clientID: nil, thread: nil)
        loud.broadcast = .here(Array(repeating: self.user, count: 1001))
        var forged = MessageContent(text: "x", clientID: nil, thread: self.message)
        forged.root = ThreadSummary(root: 9, replyCount: 1, lastReplyAt: nil, participants: [])
        let foreign = IdempotencyKey(user: UserID(high: 9, low: 9), key: "k", fingerprint: 1)
        let most: [Command] = [
            post(crowded), post(loud), post(forged), .react(self.message, emoji: "", by: self.actor, nil),
            .react(self.message, emoji: self.text(65), by: self.actor, nil),
            .react(self.message, emoji: "x", by: self.actor, foreign),
            .deleteMessage(self.message, asModerator: false, by: self.actor, foreign),
            .flagMessage(self.message, reason: "", excerpt: "", by: self.actor),
            .flagMessage(self.message, reason: "x", excerpt: self.text(1001), by: self.actor),
            .openDirect(self.channel, [], by: self.actor),
            .openDirect(self.channel, (0..<10).map { UserID(high: 0, low: $0) }, by: self.actor),
            .updateChannel(self.channel, ChannelPatch(type: .direct), by: self.actor, nil),
            .updateChannel(self.channel, ChannelPatch(retentionDays: .set(0)), by: self.actor, nil),
            .readNotifications(self.user, Array(1...201), through: nil),
            .applyEffects([]), .applyEffects(Array(repeating: entry, count: 257)),
            .updateSettings(
                self.user,
                UserSettings(
                    level: .all, overrides: [],
                    quiet: QuietHours(fromMinute: 0, toMinute: 1440, offsetMinutes: 0, days: 1),
                    theme: "", language: "")),
            .updateSettings(
                self.user,
                UserSettings(
                    level: .all,
                    overrides: Array(
                        repeating: ChannelOverride(channel: self.channel, level: nil, muted: true), count: 2),
                    quiet: nil, theme: "", language: "")),
        ]
        for command in most { #expect(!command.isWellFormed, "\(command)") }
    }

    @Test func `a message has one form in the log, plain or not`() throws {
        var content = MessageContent(text: "hello", clientID: "c", thread: nil)
        let plain = Command.postMessage(self.channel, content, by: self.actor, nil)
        #expect(plain.kind == .postMessage && EventBody.messageCreated(content).kind == .messageCreated)
        content.mentions = [Mention(user: self.user, name: "ada")]
        let rich = Command.postMessage(self.channel, content, by: self.actor, nil)
        #expect(rich.kind == .postRichMessage && EventBody.messageCreated(content).kind == .richMessageCreated)
        // Nothing in the full layout: no log holds it.
        let empty = MessageContent(text: "hello", clientID: "c", thread: nil)
        #expect(throws: WireError.self) {
            try EventBody(encoded: [EventKind.richMessageCreated.rawValue] + empty.encoded)
        }
    }

    @Test func `what emits an event can be given a key, and keeps the one that it has`() {
        let key = IdempotencyKey(user: self.user, key: "own", fingerprint: 1)
        let other = IdempotencyKey(user: self.user, key: "other", fingerprint: 2)
        let snapshot = MessageSnapshot(
            content: MessageContent(text: "x", clientID: nil, thread: nil), editedAt: nil, version: 0)
        func commands(_ key: IdempotencyKey?) -> [Command] {
            [
                .postMessage(self.channel, snapshot.content, by: self.actor, key),
                .editMessage(
                    self.message, text: "y", mentions: [], broadcast: nil, snapshot, by: self.actor, key),
                .deleteMessage(self.message, asModerator: true, by: self.actor, key),
                .react(self.message, emoji: "x", by: self.actor, key),
                .unreact(self.message, emoji: "x", by: self.actor, key),
                .pin(self.message, snapshot, by: self.actor, key), .unpin(self.message, snapshot, by: self.actor, key),
                .updateChannel(self.channel, ChannelPatch(topic: "t"), by: self.actor, key),
                .renameChannel(self.channel, name: "n", folded: "n", epoch: 1, by: self.actor, key),
                .archiveChannel(self.channel, by: self.actor, key),
                .unarchiveChannel(self.channel, by: self.actor, key),
                .setChannelRole(self.channel, self.user, .owner, by: self.actor, key),
            ]
        }
        for (without, with) in zip(commands(nil), commands(key)) {
            #expect(without.settingKey { _ in key } == with)
            #expect(with.settingKey { _ in other } == with)
        }
        let (actor, channel, someone) = (self.actor, self.channel, UserID(high: 9, low: 9))
        let moves: [(Command, UserID, Bool)] = [
            (.joinChannel(channel, by: actor), actor.user, true),
            (.leaveChannel(channel, by: actor), actor.user, false),
            (.addMember(channel, someone, by: actor), someone, true),
            (.removeMember(channel, someone, by: actor), someone, false),
        ]
        for (move, user, isMember) in moves {
            let keyed = Command.changeMember(channel, user, isMember: isMember, by: actor, key)
            #expect(move.settingKey { _ in key } == keyed && keyed.settingKey { _ in other } == keyed)
        }
        let abort = Command.abortChannel(channel)
        #expect(abort.settingKey { _ in key } == abort)
    }

    @Test func `two people have one direct channel, whoever opens it`() {
        let (ada, grace, linus) = (UserID(high: 1, low: 1), UserID(high: 1, low: 2), UserID(high: 1, low: 3))
        #expect(ChannelID.direct(of: [ada, grace]) == ChannelID.direct(of: [grace, ada, ada]))
        let all = [[ada], [ada, grace], [ada, linus], [grace, linus], [ada, grace, linus]].map(ChannelID.direct)
        #expect(Set(all).count == all.count)
    }

    @Test func `a notification's name is read as it is written only`() {
        for number in [1, 9, 10, .max] as [UInt64] {
            #expect(NotificationID(NotificationID(number).description)?.number == number)
        }
        for text in ["", "ntf_", "ntf_0", "ntf_01", "ntf_+1", "ntf_1 ", "usr_1", "ntf_18446744073709551616"] {
            #expect(NotificationID(text) == nil, "\(text)")
        }
    }
}
