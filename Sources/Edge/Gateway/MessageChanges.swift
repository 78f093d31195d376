import ChatModel
import ChatService
import ClientProtocol
import ClusterModel

/// Changes of messages that begin with reading: over REST and over the socket alike.
///
/// What is not in memory where a command is decided travels with it, with a version; when the message has moved on
/// in between, it is read again.
struct MessageChanges: Sendable {
    private let chat: any ChatService

    /// A message that others change all the time is given up after so long, as a command is that nobody answers.
    private static let patience = Duration.seconds(5)
    /// The longest pause before the second attempt, in milliseconds; it doubles with each one.
    private static let pauseFirst = 10
    private static let pauseMax = 320
    private static let contested = Problem(
        .conflict, detail: "The message was changed at the same time, again and again; try again.")
    /// Names that this node's copy of the directory does not know, which are looked for in the directory itself.
    private static let strangersMax = MessageContent.mentionsMax
    /// Names of one message that the directory is asked for at the same time.
    private static let lookUpsAtOnceMax = 32

    init(_ chat: any ChatService) { self.chat = chat }

    // MARK: Changing

    /// - Throws: `Problem` and `ServiceError`.
    func edit(_ message: MessageID, _ text: String, by actor: Actor) async throws -> MessageView {
        let named = try await self.addressees(in: text, of: message.channel, by: actor)
        let key = Self.key("edit", actor, message, text)
        return try await self.change(message, by: actor) { snapshot in
            .editMessage(
                message, text: text, mentions: named.mentions, broadcast: named.broadcast, snapshot, by: actor, key)
        }
    }

    func setPinned(_ isPinned: Bool, _ message: MessageID, by actor: Actor) async throws -> MessageView {
        let key = Self.key(isPinned ? "pin" : "unpin", actor, message, "")
        return try await self.change(message, by: actor) { snapshot in
            isPinned ? .pin(message, snapshot, by: actor, key) : .unpin(message, snapshot, by: actor, key)
        }
    }

    /// Reports a message with the beginning of its text: moderators may not see the channel.
    func flag(_ message: MessageID, _ reason: String, by actor: Actor) async throws -> FlagID {
        let view = try await self.view(message, by: actor)
        let excerpt = view.content.text.prefix(bytes: FormLimits.excerptBytesMax)
        let command = Command.flagMessage(message, reason: reason, excerpt: excerpt, by: actor)
        switch try await self.chat.perform(command) {
        case .flagged(let id): return id
        case .refused(let refusal): throw Problem(refusal)
        default: throw Problem(.internal)
        }
    }

    /// One key for all attempts: the first may have been carried out though nobody heard of it.
    private static func key(_ what: String, _ actor: Actor, _ message: MessageID, _ text: String) -> IdempotencyKey {
        var fingerprint = RequestFingerprint()
        fingerprint.combine(message.description)
        fingerprint.combine(text)
        let chance = UInt64.random(in: .min ... .max)
        return IdempotencyKey(user: actor.user, key: "\(what):\(chance)", fingerprint: fingerprint.value)
    }

    /// Reads, decides, and begins again where somebody came in between: after a pause of chance, since those who met once
    /// would meet again. Of those who try at the same time one always gets through.
    private func change(
        _ message: MessageID, by actor: Actor, _ command: @Sendable (MessageSnapshot) -> Command
    ) async throws -> MessageView {
        let end = ContinuousClock.now + Self.patience
        var pause = Self.pauseFirst
        while true {
            let view = try await self.view(message, by: actor)
            var content = view.content
            content.root = nil
            let snapshot = MessageSnapshot(content: content, editedAt: view.editedAt, version: view.version)
            switch try await self.chat.perform(command(snapshot)) {
            case .view(let view): return view
            case .refused(.conflict): break
            case .refused(let refusal): throw Problem(refusal)
            default: throw Problem(.internal)
            }
            guard ContinuousClock.now < end else { throw Self.contested }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...pause)))
            pause = min(2 * pause, Self.pauseMax)
        }
    }

    /// A live message; a tombstone can not be changed and is as if it were not there.
    private func view(_ message: MessageID, by actor: Actor) async throws -> MessageView {
        switch try await self.chat.answer(.message(message, viewer: actor), consistency: .linearizable) {
        case .views(let views, _):
            guard let view = views.first, view.deletedAt == nil else { throw Problem(.notFound) }
            return view
        case .refused(let refusal): throw Problem(refusal)
        default: throw Problem(.internal)
        }
    }

    // MARK: Whom a text names

    /// The draft with whom it names, when that is known without asking anybody; else nil.
    func addressedAtOnce(_ draft: MessageDraft) -> MessageDraft? {
        guard MentionText.mayName(draft.content.text) else { return draft }
        let accounts = self.chat.directory.accounts
        var found: [Mention] = []
        var broadcast: Broadcast?
        for word in MentionText.words(draft.content.text) {
            switch word.everybody {
            case .channel: broadcast = .channel
            case .here: return nil
            case nil:
                guard let mention = Self.known(word, accounts) else { return nil }
                if found.count < MessageContent.mentionsMax, !found.contains(mention) { found.append(mention) }
            }
        }
        return draft.naming(found, broadcast)
    }

    /// The draft with whom it names.
    func addressed(_ draft: MessageDraft, by actor: Actor) async throws(ServiceError) -> MessageDraft {
        if let draft = self.addressedAtOnce(draft) { return draft }
        let named = try await self.addressees(in: draft.content.text, of: draft.channel, by: actor)
        return draft.naming(named.mentions, named.broadcast)
    }

    private func addressees(
        in text: String, of channel: ChannelID, by actor: Actor
    ) async throws(ServiceError) -> (mentions: [Mention], broadcast: Broadcast?) {
        let accounts = self.chat.directory.accounts
        let words = MentionText.words(text)
        let strangers = try await self.registered(Self.strangers(among: words, accounts))
        var found: [Mention] = []
        var isToAll = false
        var isToOnline = false
        for word in words where found.count < MessageContent.mentionsMax {
            switch word.everybody {
            case .channel: isToAll = true
            case .here: isToOnline = true
            case nil:
                let mention = Self.known(word, accounts) ?? Self.named(word, strangers)
                if let mention, !found.contains(mention) { found.append(mention) }
            }
        }
        if isToAll { return (found, .channel) }
        return (found, isToOnline ? .here(try await self.online(in: channel, by: actor)) : nil)
    }

    private static func known(_ word: MentionWord, _ accounts: AccountTable) -> Mention? {
        for name in word.candidates {
            if let account = accounts.account(named: name) { return Mention(user: account.id, name: name) }
        }
        return nil
    }

    /// The names that words which this node's copy of the directory does not know may mean.
    private static func strangers(among words: [MentionWord], _ accounts: AccountTable) -> [String] {
        var seen: Set<String> = []
        var names: Set<String> = []
        for word in words where word.everybody == nil && seen.count < Self.strangersMax {
            if Self.known(word, accounts) == nil, seen.insert(word.name).inserted { names.formUnion(word.candidates) }
        }
        return names.sorted()
    }

    private static func named(_ word: MentionWord, _ users: [String: UserID]) -> Mention? {
        for name in word.candidates { if let user = users[name] { return Mention(user: user, name: name) } }
        return nil
    }

    /// Whose these names are. The directory itself is asked, since this node's copy may be a moment old, and nothing is
    /// remembered of what it does not know: whoever registers can be named at once, on every node. Many at a time, which
    /// the directory proves with one round of its quorum.
    private func registered(_ names: [String]) async throws(ServiceError) -> [String: UserID] {
        guard !names.isEmpty else { return [:] }
        let chat = self.chat
        let result = await withTaskGroup(of: (String, Result<UserID?, ServiceError>).self) { tasks in
            var rest = names[...]
            func ask() {
                guard let name = rest.popFirst() else { return }
                tasks.addTask { (name, await Self.registered(name, chat)) }
            }
            for _ in 0..<Self.lookUpsAtOnceMax { ask() }
            var users: [String: UserID] = [:]
            for await (name, owner) in tasks {
                switch owner {
                case .success(let user): users[name] = user
                case .failure(let error): return Result<[String: UserID], ServiceError>.failure(error)
                }
                ask()
            }
            return .success(users)
        }
        return try result.get()
    }

    private static func registered(_ name: String, _ chat: any ChatService) async -> Result<UserID?, ServiceError> {
        do throws(ServiceError) {
            let query = Query.nameOwner(UniqueName(kind: .user, name: name))
            guard case .nameOwner(.user(let user)) = try await chat.answer(query, consistency: .linearizable) else {
                return .success(nil)
            }
            return .success(user)
        } catch {
            return .failure(error)
        }
    }

    /// Members who are here now, of the first thousand.
    private func online(in channel: ChannelID, by actor: Actor) async throws(ServiceError) -> [UserID] {
        let query = Query.members(channel, viewer: actor, after: nil, limit: UInt32(MessageContent.onlineMax))
        guard case .members(let members) = try await self.chat.answer(query, consistency: .linearizable) else {
            return []
        }
        let states = await self.chat.presence.states(of: members.map(\.user))
        return states.filter { $0.status == .online }.map(\.user)
    }
}

extension MessageDraft {
    fileprivate func naming(_ mentions: [Mention], _ broadcast: Broadcast?) -> MessageDraft {
        guard !mentions.isEmpty || broadcast != nil else { return self }
        return MessageDraft(
            channel: self.channel,
            content: MessageContent(
                text: self.content.text, clientID: self.content.clientID, thread: self.content.thread,
                mentions: mentions, broadcast: broadcast, files: self.content.files,
                attachments: self.content.attachments))
    }
}

extension String {
    /// As many whole scalars as have at most so many bytes.
    func prefix(bytes max: Int) -> String {
        guard self.utf8.count > max else { return self }
        var end = self.utf8.index(self.startIndex, offsetBy: max)
        while end > self.startIndex, self.utf8[end] & 0xC0 == 0x80 { end = self.utf8.index(before: end) }
        return String(self[..<end])
    }
}
