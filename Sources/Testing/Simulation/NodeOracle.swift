import ChatMachine
import ChatModel
import ClusterModel
import Raft

/// What is true of a world of whole nodes, gathered from what its replicas apply, and what contradicts it.
///
/// The first replica that applies an entry says what stands at that place of the shard's log; whoever comes after
/// it must agree for ever.
struct NodeOracle {
    private(set) var violation: String?
    private var shards: [ShardID: ShardTruth] = [:]
    private(set) var channels: [ChannelID: ChannelTruth] = [:]
    /// Where each message stands; every text is sent under one key.
    private var places: [String: MessageID] = [:]
    /// The highest seq of each channel that some client has been told.
    private(set) var acknowledged: [ChannelID: UInt64] = [:]
    /// Everybody may read these, in or out.
    var publicChannels: Set<ChannelID> = []
    private var leaders: [Leadership: Int] = [:]
    var trace = TraceHash()
    private(set) var entriesApplied = 0
    /// Of the log's entries, each counted once: those that hold several commands.
    private(set) var batches = 0
    private(set) var deliveries = 0
    private(set) var acknowledgements = 0
    private(set) var elections = 0
    private(set) var snapshotsAdopted = 0

    private struct Leadership: Hashable {
        let shard: ShardID
        let term: Term
    }
    struct ShardTruth {
        struct Place: Equatable {
            let term: Term
            let stateHash: UInt64
        }
        /// Of index 1, 2, 3 …
        var places: [Place] = []
    }
    struct ChannelTruth {
        var events: [DurableEvent] = []
        /// For each user the seqs at which the membership began and ended, by turns.
        var memberships: [UserID: [UInt64]] = [:]

        var head: UInt64 { UInt64(self.events.count) }
        func isMember(_ user: UserID) -> Bool { (self.memberships[user]?.count ?? 0) % 2 == 1 }
        /// The seq of the user's last `memberLeft`, unless the user has come back since.
        func leftFor(_ user: UserID) -> UInt64? {
            guard let turns = self.memberships[user], turns.count % 2 == 0 else { return nil }
            return turns.last
        }
    }

    mutating func fail(_ text: String) {
        if self.violation == nil { self.violation = text }
    }

    func lastIndex(of shard: ShardID) -> LogIndex { LogIndex(UInt64(self.shards[shard]?.places.count ?? 0)) }

    // MARK: The log

    mutating func applied(
        _ shard: ShardID, _ entry: Entry, stateHash: UInt64, events: [DurableEvent], by node: Int
    ) {
        let place = ShardTruth.Place(term: entry.term, stateHash: stateHash)
        let index = Int(entry.index.rawValue)
        let known = self.shards[shard]?.places.count ?? 0
        self.trace.mix(UInt64(node) << 32 | UInt64(shard.rawValue))
        self.trace.mix(stateHash)
        self.entriesApplied += 1
        if index <= known {
            guard let truth = self.shards[shard]?.places[index - 1], truth != place else { return }
            return self.fail(
                "n\(node) applied shard \(shard) index \(index) of term \(entry.term) to state \(hex(stateHash)); "
                    + "before, it was term \(truth.term) and state \(hex(truth.stateHash))")
        }
        guard index == known + 1 else {
            return self.fail("n\(node) applied shard \(shard) index \(index) before \(known + 1)")
        }
        self.shards[shard, default: ShardTruth()].places.append(place)
        if case .command(let bytes) = entry.payload, bytes.first == LoggedBatch.schemaVersion { self.batches += 1 }
        for event in events { self.emitted(event) }
    }

    /// A snapshot is a state that some replica had at its place.
    mutating func adopted(_ shard: ShardID, at index: LogIndex, stateHash: UInt64, by node: Int) {
        self.snapshotsAdopted += 1
        self.trace.mix(stateHash)
        let places = self.shards[shard]?.places ?? []
        guard index > .zero, index.rawValue <= places.count else {
            return self.fail(
                "n\(node) adopted shard \(shard) at \(index), beyond the \(places.count) that were applied")
        }
        let truth = places[Int(index.rawValue) - 1]
        if truth.stateHash != stateHash {
            self.fail(
                "n\(node) adopted shard \(shard) at \(index) with state \(hex(stateHash)); it was \(hex(truth.stateHash))"
            )
        }
    }

    private mutating func emitted(_ event: DurableEvent) {
        // Taken out, so that it is changed in place.
        var truth = self.channels.removeValue(forKey: event.channel) ?? ChannelTruth()
        defer { self.channels[event.channel] = truth }
        guard event.seq == truth.head + 1 else {
            return self.fail("\(event.channel) gave seq \(event.seq) after \(truth.head)")
        }
        truth.events.append(event)
        switch event.body {
        case .messageCreated(let content):
            if !truth.isMember(event.actor) { self.fail("\(event.messageID) is by \(event.actor), who is no member") }
            if let first = self.places.updateValue(event.messageID, forKey: content.text) {
                self.fail("'\(content.text)' stands at \(first) and at \(event.messageID)")
            }
        case .memberJoined(let user, _):
            if truth.isMember(user) { self.fail("\(user) joined \(event.channel) twice at \(event.seq)") }
            truth.memberships[user, default: []].append(event.seq)
        case .memberLeft(let user, _):
            if !truth.isMember(user) { self.fail("\(user) left \(event.channel) without being in it") }
            truth.memberships[user, default: []].append(event.seq)
        case .messageEdited, .messageDeleted, .reactionAdded, .reactionRemoved, .messagePinned, .messageUnpinned,
            .channelUpdated, .channelArchived, .channelUnarchived, .memberUpdated:
            // What the simulated people do not do can not have happened.
            self.fail("\(event.messageID) is an event that nobody asked for")
        }
    }

    mutating func becameLeader(of shard: ShardID, in term: Term, node: Int) {
        self.elections += 1
        let leadership = Leadership(shard: shard, term: term)
        if let other = self.leaders.updateValue(node, forKey: leadership), other != node {
            self.fail("n\(other) and n\(node) both lead shard \(shard) in term \(term)")
        }
    }

    // MARK: What clients are told

    /// - Parameter floor: the highest acknowledged seq when the message was first sent.
    mutating func acknowledged(_ text: String, as event: DurableEvent, after floor: UInt64) {
        self.acknowledgements += 1
        self.trace.mix(event.seq)
        guard self.places[text] == event.messageID else {
            return self.fail("'\(text)' was acknowledged as \(event.messageID), and stands at \(place(text))")
        }
        if event.seq <= floor {
            self.fail("'\(text)' got seq \(event.seq), after \(floor) had been acknowledged")
        }
        self.acknowledged[event.channel] = max(self.acknowledged[event.channel] ?? 0, event.seq)
    }

    private func place(_ text: String) -> String { self.places[text].map { "\($0)" } ?? "no place" }

    /// A page of history or events that a user was shown.
    ///
    /// - Parameter floor: what a linearizable read has to know of; 0 for a local one.
    mutating func shown(_ events: [DurableEvent], head: UInt64, of channel: ChannelID, to user: UserID, floor: UInt64) {
        self.trace.mix(head)
        let truth = self.channels[channel] ?? ChannelTruth()
        if head < floor { self.fail("a read of \(channel) ends at \(head), after \(floor) was acknowledged") }
        if head > truth.head { self.fail("a read of \(channel) ends at \(head) of \(truth.head)") }
        for event in events { self.check(event, against: truth, for: user) }
    }

    /// Messages as they are now: each is in the log, and one that nobody has touched is exactly what the log says.
    mutating func shown(_ views: [MessageView], head: UInt64, of channel: ChannelID, to user: UserID, floor: UInt64) {
        let truth = self.channels[channel] ?? ChannelTruth()
        var events: [DurableEvent] = []
        for view in views {
            guard view.id.seq >= 1, view.id.seq <= truth.head, view.id.seq <= head,
                case let event = truth.events[Int(view.id.seq) - 1],
                let plain = MessageOverlay(
                    channel, head: head
                ).view(of: event), view.author == plain.author,
                view.version > 0 || view.deletedAt != nil || view.content == plain.content
            else {
                self.fail("\(user) was shown a message \(view.id) that is not in the log")
                continue
            }
            events.append(event)
        }
        self.shown(events, head: head, of: channel, to: user, floor: floor)
    }

    private mutating func check(_ event: DurableEvent, against truth: ChannelTruth, for user: UserID) {
        guard event.seq >= 1, event.seq <= truth.head, truth.events[Int(event.seq) - 1] == event else {
            return self.fail("\(user) was shown a \(event.messageID) that is not in the log: \(event)")
        }
        if !self.publicChannels.contains(event.channel) {
            self.checkRight(of: user, to: event.seq, in: truth, event.channel)
        }
    }

    /// One event of a subscription.
    mutating func delivered(_ seq: UInt64, of channel: ChannelID, author: UserID, to user: UserID, cursor: UInt64) {
        self.deliveries += 1
        self.trace.mix(seq)
        let truth = self.channels[channel] ?? ChannelTruth()
        if seq != cursor + 1 { self.fail("\(user) got \(channel) \(seq) after \(cursor)") }
        guard seq >= 1, seq <= truth.head, truth.events[Int(seq) - 1].actor == author else {
            return self.fail("\(user) got \(channel) \(seq), which is not what was committed")
        }
        self.checkRight(of: user, to: seq, in: truth, channel)
    }

    private mutating func checkRight(of user: UserID, to seq: UInt64, in truth: ChannelTruth, _ channel: ChannelID) {
        if let left = truth.leftFor(user), seq > left {
            self.fail("\(user) was shown \(channel) \(seq), having left at \(left)")
        }
    }
}

func hex(_ word: UInt64) -> String { String(word, radix: 16) }
