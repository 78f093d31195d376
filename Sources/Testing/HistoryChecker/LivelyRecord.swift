/// One line of a history about a lively channel. docs/verification.md, "Lively channels", has the format.
package enum LivelyRecord: Sendable {
    /// Before the first line that names the channel; `number` is one of lively channels only.
    case channel(Int, id: String)
    /// An attempt begins.
    case asked(at: Microseconds, channel: Int, MessageKey, LivelyOperation.Action, node: String)
    /// What became of the attempt under way of that key.
    case answered(at: Microseconds, channel: Int, MessageKey, LivelyOperation.Outcome, why: String)
    case logged(channel: Int, LivelyEvent)
    /// All of the log was read.
    case logEnd(channel: Int)
    case count(channel: Int, LivelyCount)
    /// A message as a node shows it; a line of its own for each group follows.
    case shown(channel: Int, LivelySource, LivelyPages.Message)
    /// All messages were read there.
    case shownEnd(channel: Int, LivelySource)
    case members(channel: Int, LivelyMembers)
    case pins(channel: Int, LivelyPins)
    case thread(channel: Int, LivelyThread)
    case inbox(channel: Int, LivelyInbox)

    func write(to line: inout LineWriter) {
        switch self {
        case .channel(let number, let id):
            line.begin("lively")
            line.add("c", number)
            line.add("id", id)
        case .asked(let at, let channel, let key, let action, let node):
            line.begin("asked", at: at, channel: channel)
            line.add("k", key)
            Self.write(action, to: &line)
            line.add("n", node)
        case .answered(let at, let channel, let key, let outcome, let why):
            line.begin("answered", at: at, channel: channel)
            line.add("k", key)
            switch outcome {
            case .done(let seq):
                line.add("result", "done")
                line.add("s", seq)
            case .refused: line.add("result", "refused")
            case .unknown: line.add("result", "unknown")
            }
            if !why.isEmpty { line.add("why", why) }
        case .logged(let channel, let event): Self.write(event, channel: channel, to: &line)
        case .logEnd(let channel):
            line.begin("livelog")
            line.add("c", channel)
        case .count(let channel, let count):
            line.begin("count")
            line.add("c", channel)
            Self.write(count.source, to: &line)
            line.add("client", count.client)
            guard let row = count.row else { return }
            line.add("head", row.head)
            line.add("read", row.readSeq)
            line.add("unread", row.unread)
            line.add("mentions", row.mentions)
        case .shown(let channel, let source, let message):
            line.begin("shown")
            line.add("c", channel)
            Self.write(source, to: &line)
            line.add("m", message.seq)
            if let digest = message.digest { line.add("h", digest.rawValue) }
            if let root = message.root { line.add("re", root) }
            if let pinnedAt = message.pinnedAt { line.add("pinned", pinnedAt) }
            if message.summary != .none { Self.write(message.summary, to: &line) }
            for group in message.groups {
                line.end()
                line.begin("group")
                line.add("c", channel)
                Self.write(source, to: &line)
                line.add("m", message.seq)
                line.add("emoji", group.emoji)
                line.add("count", group.count)
                line.add("items", group.clients)
            }
        case .shownEnd(let channel, let source):
            line.begin("showed")
            line.add("c", channel)
            Self.write(source, to: &line)
        case .members(let channel, let list):
            line.begin("folk")
            line.add("c", channel)
            Self.write(list.source, to: &line)
            line.add("items", list.clients.sorted())
        case .pins(let channel, let pins):
            line.begin("pins")
            line.add("c", channel)
            Self.write(pins.source, to: &line)
            line.add("items", pins.messages)
        case .thread(let channel, let thread):
            line.begin("thread")
            line.add("c", channel)
            Self.write(thread.source, to: &line)
            line.add("m", thread.root)
            line.add("client", thread.client)
            guard let view = thread.view else { return }
            Self.write(view.summary, to: &line)
            line.add("items", view.replies)
            line.add("follows", view.follows)
            line.add("read", view.readSeq)
            line.add("unread", view.unread)
        case .inbox(let channel, let inbox):
            line.begin("inbox")
            line.add("c", channel)
            Self.write(inbox.source, to: &line)
            line.add("client", inbox.client)
            line.add("mentions", inbox.mentions)
            line.add("items", inbox.replies)
            line.add("full", inbox.isWhole)
        }
    }

    private static func write(_ summary: LivelySummary, to line: inout LineWriter) {
        line.add("replies", summary.replies)
        if let lastAt = summary.lastAt { line.add("last", lastAt) }
        line.add("people", summary.people)
    }

    private static func write(_ source: LivelySource, to line: inout LineWriter) {
        line.add("n", source.node)
        line.add("how", source.consistency.rawValue)
    }

    private static func write(_ action: LivelyOperation.Action, to line: inout LineWriter) {
        switch action {
        case .post(let digest):
            line.add("what", "post")
            line.add("h", digest.rawValue)
        case .reply(let root, let digest):
            line.add("what", "reply")
            line.add("m", root)
            line.add("h", digest.rawValue)
        case .edit(let message, let digest):
            line.add("what", "edit")
            line.add("m", message)
            line.add("h", digest.rawValue)
        case .delete(let message):
            line.add("what", "delete")
            line.add("m", message)
        case .react(let message, let emoji):
            line.add("what", "react")
            line.add("m", message)
            line.add("emoji", emoji)
        case .unreact(let message, let emoji):
            line.add("what", "unreact")
            line.add("m", message)
            line.add("emoji", emoji)
        case .pin(let message):
            line.add("what", "pin")
            line.add("m", message)
        case .unpin(let message):
            line.add("what", "unpin")
            line.add("m", message)
        case .follow(let root):
            line.add("what", "follow")
            line.add("m", root)
        case .unfollow(let root):
            line.add("what", "unfollow")
            line.add("m", root)
        case .readThread(let root, let seq):
            line.add("what", "peruse")
            line.add("m", root)
            line.add("s", seq)
        case .read(let seq):
            line.add("what", "read")
            line.add("s", seq)
        case .add(let client):
            line.add("what", "add")
            line.add("who", client)
        case .remove(let client):
            line.add("what", "remove")
            line.add("who", client)
        }
    }

    private static func write(_ event: LivelyEvent, channel: Int, to line: inout LineWriter) {
        line.begin("logged")
        line.add("c", channel)
        line.add("s", event.seq)
        line.add("who", event.client)
        line.add("at", event.at)
        if let root = event.root { line.add("re", root) }
        switch event.body {
        case .created(let text):
            line.add("what", "created")
            self.write(text, to: &line)
        case .edited(let message, let text):
            line.add("what", "edited")
            line.add("m", message)
            self.write(text, to: &line)
        case .deleted(let message):
            line.add("what", "deleted")
            line.add("m", message)
        case .reacted(let message, let emoji, let adds):
            line.add("what", adds ? "added" : "removed")
            line.add("m", message)
            line.add("emoji", emoji)
        case .pinned(let message, let puts):
            line.add("what", puts ? "pinned" : "unpinned")
            line.add("m", message)
        case .member(let client, let joins):
            line.add("what", joins ? "joined" : "left")
            line.add("client", client)
        case .other: line.add("what", "other")
        }
    }

    private static func write(_ text: LivelyText?, to line: inout LineWriter) {
        guard let text else { return }
        line.add("k", text.key)
        line.add("h", text.digest.rawValue)
        line.add("items", text.names)
        line.add("all", text.namesAll)
    }
}
