import ChatModel
import ClusterModel

// A message is its creating event and an overlay: what became of it since. Runs of events are read as they were
// written; the overlay stands in sparse rows beside them, whose keys begin with channel and seq.

extension DurableEvent {
    package var isMessage: Bool {
        if case .messageCreated = self.body { true } else { false }
    }

    /// The event without what a deletion erases: text, files, attachments and whom it named.
    package var erased: DurableEvent {
        let body: EventBody =
            switch self.body {
            case .messageCreated(let content): .messageCreated(content.erased)
            case .messageEdited(let view): .messageEdited(view.erased)
            case .messageDeleted(let view): .messageDeleted(view.erased)
            case .messagePinned(let view): .messagePinned(view.erased)
            case .messageUnpinned(let view): .messageUnpinned(view.erased)
            case .reactionAdded, .reactionRemoved, .channelUpdated, .channelArchived, .channelUnarchived,
                .memberJoined, .memberLeft, .memberUpdated:
                self.body
            }
        return DurableEvent(channel: self.channel, seq: self.seq, at: self.at, actor: self.actor, body: body)
    }

    package mutating func erase() { self = self.erased }
}

extension MessageContent {
    /// Its place in a thread stays, and the author's key, by which a repeat is recognised.
    package var erased: MessageContent {
        MessageContent(text: "", clientID: self.clientID, thread: self.thread, root: self.root)
    }
}

extension MessageView {
    package var erased: MessageView {
        var view = self
        view.content = self.content.erased
        return view
    }
}

/// What became of a message beside its texts and reactions: the value of the record `.messageState`.
package struct MessageStateRecord: Hashable, Sendable, Wire {
    package var deletedAt: Timestamp?
    package var deletedBy: UserID?
    package var pinnedAt: Timestamp?
    /// Seqs of the events that carry a text of it: its edits, and its being pinned and unpinned.
    package var edits: [UInt64]
    package var pins: [UInt64]
    /// nil as long as it is what the creating event says.
    package var isBroadcast: Bool?

    package init(
        deletedAt: Timestamp? = nil, deletedBy: UserID? = nil, pinnedAt: Timestamp? = nil, edits: [UInt64] = [],
        pins: [UInt64] = [], isBroadcast: Bool? = nil
    ) {
        self.deletedAt = deletedAt
        self.deletedBy = deletedBy
        self.pinnedAt = pinnedAt
        self.edits = edits
        self.pins = pins
        self.isBroadcast = isBroadcast
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.deletedAt)
        writer.write(self.deletedBy)
        writer.write(self.pinnedAt)
        for numbers in [self.edits, self.pins] {
            writer.writeCount(numbers.count)
            for number in numbers { writer.writeVariable(number) }
        }
        writer.write(self.isBroadcast != nil)
        if let isBroadcast { writer.write(isBroadcast) }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            deletedAt: try reader.readOptional(), deletedBy: try reader.readOptional(),
            pinnedAt: try reader.readOptional(), edits: try Self.numbers(&reader), pins: try Self.numbers(&reader),
            isBroadcast: try reader.read(Bool.self) ? try reader.read(Bool.self) : nil)
    }

    private static func numbers(_ reader: inout ByteReader) throws(WireError) -> [UInt64] {
        let count = try reader.readCount()
        var numbers: [UInt64] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count { numbers.append(try reader.readVariable()) }
        return numbers
    }
}

extension ThreadSummary {
    /// The value of the record `.thread`; its root stands in the key.
    package var recordValue: [UInt8] {
        var writer = ByteWriter()
        writer.write(self.replyCount)
        writer.write(self.lastReplyAt)
        writer.write(self.participants)
        return writer.bytes
    }
    package init(root: UInt64, recordValue: [UInt8]) throws(WireError) {
        var reader = ByteReader(recordValue)
        self.init(
            root: root, replyCount: try reader.read(), lastReplyAt: try reader.readOptional(),
            participants: try reader.readArray(bytesEach: 16))
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
    }
}

/// The rows that make a page's events into the messages of now.
///
/// A projection makes one for each piece of a page, hands it all rows of `sources` whose keys lie in `keys`, then the
/// edits of `wantsEdits`, and asks for the views. Nothing that came after `head` shows, but a deletion: the rows may
/// be newer than the state on which the viewer's right was found.
package struct MessageOverlay: Sendable {
    /// Where its rows stand.
    package enum Source: Hashable, Sendable, CaseIterable {
        case text
        case state
        case reaction
        case thread

        /// The number of the kind in its table.
        package var place: (isItem: Bool, kind: UInt8) {
            switch self {
            case .text: (true, ItemKind.messageText.rawValue)
            case .state: (false, RecordKind.messageState.rawValue)
            case .reaction: (false, RecordKind.reaction.rawValue)
            case .thread: (false, RecordKind.thread.rawValue)
            }
        }
    }

    private struct Reaction {
        let seq: UInt64
        /// When its group began.
        let since: UInt64
        let user: UserID
        let emoji: String
    }

    /// Users that a view names for each emoji.
    package static let usersShown = 20

    private let channel: ChannelID
    private let head: UInt64
    private var texts: [UInt64: MessageSnapshot] = [:]
    private var states: [UInt64: MessageStateRecord] = [:]
    private var reactions: [UInt64: [Reaction]] = [:]
    private var threads: [UInt64: ThreadSummary] = [:]
    /// The newest text at or before the head, of messages that were edited after it.
    private var earlier: [UInt64: MessageEdit] = [:]

    package init(_ channel: ChannelID, head: UInt64) {
        self.channel = channel
        self.head = head
    }

    /// The first key of these messages' rows, and the first behind them.
    package static func keys(_ channel: ChannelID, _ seqs: ClosedRange<UInt64>) -> (from: [UInt8], to: [UInt8]) {
        let end = seqs.upperBound == .max ? .max : seqs.upperBound + 1
        return (
            ItemKey.of(MessageID(channel: channel, seq: seqs.lowerBound)),
            ItemKey.of(MessageID(channel: channel, seq: end))
        )
    }

    /// Splits seqs into few ranges without wide gaps, so that a page is read at once and scattered ones are not.
    package static func ranges(_ seqs: some Sequence<UInt64>) -> [ClosedRange<UInt64>] {
        var ranges: [ClosedRange<UInt64>] = []
        for seq in seqs.sorted() {
            if let last = ranges.last, seq - last.upperBound <= Self.gapMax {
                ranges[ranges.count - 1] = last.lowerBound...seq
            } else {
                ranges.append(seq...seq)
            }
        }
        return ranges
    }
    private static let gapMax: UInt64 = 64

    package mutating func take(_ row: ItemRow, from source: Source) throws(WireError) {
        guard row.key.count >= 24 else { throw .invalid("overlay key") }
        let seq = row.key[16..<24].reduce(0) { $0 << 8 | UInt64($1) }
        switch source {
        case .text: self.texts[seq] = try MessageSnapshot(encoded: row.value)
        case .state: self.states[seq] = try MessageStateRecord(encoded: row.value)
        case .thread: self.threads[seq] = try ThreadSummary(root: seq, recordValue: row.value)
        case .reaction:
            var reader = ByteReader(row.value)
            let event = try reader.readVariable()
            let since = try reader.readVariable()
            guard event <= self.head else { return }
            guard let user: UserID = RecordKey.id(row.key, at: 24),
                let emoji = String(validating: row.key.dropFirst(40), as: UTF8.self)
            else { throw .invalid("reaction key") }
            self.reactions[seq, default: []].append(Reaction(seq: event, since: since, user: user, emoji: emoji))
        }
    }

    /// Messages whose texts are newer than the head: their edits are asked for as well.
    package var wantsEdits: [UInt64] {
        self.texts.filter { $0.value.version > self.head }.map(\.key).sorted()
    }
    /// - Parameter edits: all of them, oldest first.
    package mutating func take(_ edits: [MessageEdit], of seq: UInt64) {
        self.earlier[seq] = edits.last { $0.seq <= self.head }
    }

    /// The message that `event` created, as it is now; nil for an event of another kind.
    package func view(of event: DurableEvent) -> MessageView? {
        guard case .messageCreated(let content) = event.body else { return nil }
        var view = MessageView(id: event.messageID, author: event.actor, createdAt: event.at, content: content)
        if let state = self.states[event.seq] {
            view.deletedAt = state.deletedAt
            view.pinnedAt = state.pinnedAt
        }
        if let thread = self.threads[event.seq], thread.replyCount > 0 || !thread.participants.isEmpty {
            view.thread = thread
        }
        guard view.deletedAt == nil else {
            view.content = content.erased
            view.pinnedAt = nil
            return view
        }
        if let text = self.texts[event.seq] { self.apply(text, to: &view) }
        view.reactions = self.groups(of: event.seq)
        return view
    }

    private func apply(_ text: MessageSnapshot, to view: inout MessageView) {
        if text.version <= self.head {
            view.content = text.content
            view.editedAt = text.editedAt
            view.version = text.version
        } else if let edit = self.earlier[view.id.seq], edit.seq != view.id.seq {
            // Whom that text named is not kept; the creating event's people are the nearest truth.
            view.content.text = edit.text
            view.editedAt = edit.at
            view.version = edit.seq
        }
    }

    private func groups(of seq: UInt64) -> [ReactionGroup] {
        guard let reactions = self.reactions[seq] else { return [] }
        var groups: [ReactionGroup] = []
        // Bytes decide: texts that merely look alike are two emoji, as they are two keys.
        var places: [[UInt8]: Int] = [:]
        for reaction in reactions.sorted(by: { ($0.since, $0.seq) < ($1.since, $1.seq) }) {
            let name = Array(reaction.emoji.utf8)
            if let place = places[name] {
                groups[place].count += 1
                if groups[place].users.count < Self.usersShown { groups[place].users.append(reaction.user) }
            } else {
                places[name] = groups.count
                groups.append(ReactionGroup(emoji: reaction.emoji, count: 1, users: [reaction.user]))
            }
        }
        return groups
    }
}
