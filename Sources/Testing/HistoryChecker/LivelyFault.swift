/// What is wrong with a lively channel, with the evidence.
package enum LivelyFault: Sendable, Hashable {
    /// The log was not read: nothing can be judged.
    case noLog
    case logGap(after: UInt64, next: UInt64)
    /// A message that is not deleted has no text in the log.
    case textGone(seq: UInt64)
    case byStranger(seq: UInt64, UInt32)
    case impossible(seq: UInt64, String)

    // Operations against the log.
    /// It was answered as done, and the log does not show it.
    case lost(MessageKey, LivelyOperation.Action)
    /// It was refused as not applied, or never asked for, and the log shows it.
    case phantom(seq: UInt64, String)
    case otherText(seq: UInt64, MessageKey)
    /// It answers another message than it was sent to, or none.
    case otherThread(seq: UInt64, MessageKey)
    /// The log has it twice.
    case doubled(seq: UInt64, String)

    // What nodes show against what follows from the log (C12).
    case countsWrong(LivelySource, client: UInt32, shown: LivelyCount.Row, unread: UInt64, mentions: UInt64)
    case markerWrong(LivelySource, client: UInt32, shown: UInt64, due: UInt64)
    case headWrong(LivelySource, client: UInt32, shown: UInt64, due: UInt64)
    case sidebarLacks(LivelySource, client: UInt32)
    case sidebarHasStranger(LivelySource, client: UInt32)
    case membersWrong(LivelySource, missing: [UInt32], extra: [UInt32])
    case messageMissing(LivelySource, seq: UInt64)
    case messageExtra(LivelySource, seq: UInt64)
    case textWrong(LivelySource, seq: UInt64)
    case reactionsWrong(LivelySource, seq: UInt64, shown: [LivelyGroup], due: [LivelyGroup])
    case pinWrong(LivelySource, seq: UInt64, shown: UInt64?, due: UInt64?)
    case pinsWrong(LivelySource, shown: [UInt64], due: [UInt64])
    case rootWrong(LivelySource, seq: UInt64, shown: UInt64?, due: UInt64?)
    case summaryWrong(LivelySource, root: UInt64, shown: LivelySummary, due: LivelySummary)
    case threadLacks(LivelySource, root: UInt64, client: UInt32)
    case repliesWrong(LivelySource, root: UInt64, shown: [UInt64], due: [UInt64])
    /// What nodes answered about following and reading fits no course of the log.
    case threadAnswersWrong(root: UInt64, client: UInt32)
    case followWrong(LivelySource, root: UInt64, client: UInt32, shown: LivelyThread.View)
    case threadUnreadWrong(LivelySource, root: UInt64, client: UInt32, shown: LivelyThread.View, due: UInt64)
    case inboxLacks(LivelySource, client: UInt32, seq: UInt64, String)
    case inboxHasMore(LivelySource, client: UInt32, seq: UInt64, String)

    package var rule: Rule {
        switch self {
        case .noLog: .oneContent
        case .logGap: .gapless
        case .textGone, .lost: .ackedIsPresent
        case .byStranger: .authorisation
        case .impossible, .phantom, .otherText, .otherThread: .presentWasSent
        case .doubled: .keyOnce
        case .countsWrong, .markerWrong, .headWrong, .sidebarLacks, .sidebarHasStranger, .membersWrong,
            .messageMissing, .messageExtra, .textWrong, .reactionsWrong, .pinWrong, .pinsWrong, .rootWrong,
            .summaryWrong, .threadLacks, .repliesWrong, .threadAnswersWrong, .followWrong, .threadUnreadWrong,
            .inboxLacks, .inboxHasMore:
            .derived
        }
    }
}

extension LivelyFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noLog: "its log was not read after the run"
        case .logGap(let after, let next): "the log goes from seq \(after) to \(next)"
        case .textGone(let seq): "message \(seq) is not deleted and has no text"
        case .byStranger(let seq, let client): "client \(client) wrote seq \(seq) and is no member there"
        case .impossible(let seq, let what): "seq \(seq) is \(what), which can not be there"
        case .lost(let key, let action): "\(action) under \(key) was answered as done and is not in the log"
        case .phantom(let seq, let what): "seq \(seq) is \(what), which was refused or never asked for"
        case .otherText(let seq, let key): "\(key) at seq \(seq) has another text than was sent"
        case .otherThread(let seq, let key): "\(key) at seq \(seq) stands in another thread than it was sent to"
        case .doubled(let seq, let what): "seq \(seq) is \(what) once more"
        case .countsWrong(let source, let client, let shown, let unread, let mentions):
            "client \(client)'s sidebar at \(source) says unread \(shown.unread), mentions \(shown.mentions) behind "
                + "\(shown.readSeq) of \(shown.head); the log says unread \(unread), mentions \(mentions)"
        case .markerWrong(let source, let client, let shown, let due):
            "client \(client)'s sidebar at \(source) says read to \(shown); the log and its reads say \(due)"
        case .headWrong(let source, let client, let shown, let due):
            "client \(client)'s sidebar at \(source) says head \(shown); the log says \(due)"
        case .sidebarLacks(let source, let client): "member \(client)'s sidebar at \(source) lacks the channel"
        case .sidebarHasStranger(let source, let client):
            "client \(client) is no member, and its sidebar at \(source) has the channel"
        case .membersWrong(let source, let missing, let extra):
            "the members at \(source) lack the clients \(missing) and have \(extra) too many"
        case .messageMissing(let source, let seq): "\(source) does not show message \(seq)"
        case .messageExtra(let source, let seq): "\(source) shows message \(seq), which the log does not have"
        case .textWrong(let source, let seq): "\(source) shows another text of message \(seq) than the log has"
        case .reactionsWrong(let source, let seq, let shown, let due):
            "\(source) shows \(Self.list(shown)) on message \(seq); the log says \(Self.list(due))"
        case .pinWrong, .pinsWrong, .rootWrong, .summaryWrong, .threadLacks, .repliesWrong, .threadAnswersWrong,
            .followWrong, .threadUnreadWrong, .inboxLacks, .inboxHasMore:
            self.threadDescription
        }
    }

    private var threadDescription: String {
        switch self {
        case .pinWrong(let source, let seq, let shown, let due):
            "\(source) shows message \(seq) \(Self.pin(shown)); the log says \(Self.pin(due))"
        case .pinsWrong(let source, let shown, let due): "\(source) lists the pins \(shown); the log says \(due)"
        case .rootWrong(let source, let seq, let shown, let due):
            "\(source) shows message \(seq) as a reply to \(Self.seq(shown)); the log says to \(Self.seq(due))"
        case .summaryWrong(let source, let root, let shown, let due):
            "\(source) shows \(shown) on message \(root); the log says \(due)"
        case .threadLacks(let source, let root, let client):
            "\(source) shows member \(client) no thread of message \(root)"
        case .repliesWrong(let source, let root, let shown, let due):
            "\(source) lists the replies \(shown) to message \(root); the log says \(due)"
        case .threadAnswersWrong(let root, let client):
            "what client \(client) was answered about following the thread of \(root) fits no course of the log"
        case .followWrong(let source, let root, let client, let shown):
            "\(source) says that client \(client) \(shown.follows ? "follows" : "does not follow") the thread of "
                + "\(root) and has read to \(shown.readSeq), which does not follow from the log and its orders"
        case .threadUnreadWrong(let source, let root, let client, let shown, let due):
            "\(source) says that \(shown.unread) replies to \(root) are unread by client \(client) behind "
                + "\(shown.readSeq); the log says \(due)"
        case .inboxLacks(let source, let client, let seq, let kind):
            "the inbox of client \(client) at \(source) lacks the \(kind) of message \(seq)"
        case .inboxHasMore(let source, let client, let seq, let kind):
            "the inbox of client \(client) at \(source) has the \(kind) of message \(seq) without a cause"
        default: ""
        }
    }

    private static func pin(_ at: UInt64?) -> String { at.map { "pinned at \($0)" } ?? "not pinned" }
    private static func seq(_ seq: UInt64?) -> String { seq.map { "message \($0)" } ?? "nothing" }

    private static func list(_ groups: [LivelyGroup]) -> String {
        groups.isEmpty
            ? "no reactions" : groups.map { "\($0.emoji) \($0.count) \($0.clients)" }.joined(separator: ", ")
    }
}

extension LivelySummary: CustomStringConvertible {
    package var description: String {
        "\(self.replies) replies, the last at \(self.lastAt.map { "\($0)" } ?? "no time"), of \(self.people)"
    }
}

extension LivelyOperation.Action: CustomStringConvertible {
    package var description: String {
        switch self {
        case .post: "a post"
        case .reply(let root, _): "a reply to message \(root)"
        case .edit(let message, _): "an edit of message \(message)"
        case .delete(let message): "a deletion of message \(message)"
        case .react(let message, let emoji): "reacting with \(emoji) to message \(message)"
        case .unreact(let message, let emoji): "taking back \(emoji) from message \(message)"
        case .pin(let message): "pinning message \(message)"
        case .unpin(let message): "unpinning message \(message)"
        case .follow(let root): "following the thread of \(root)"
        case .unfollow(let root): "leaving the thread of \(root)"
        case .readThread(let root, let seq): "reading the thread of \(root) up to \(seq)"
        case .read(let seq): "reading up to \(seq)"
        case .add(let client): "adding client \(client)"
        case .remove(let client): "removing client \(client)"
        }
    }
}
