// Data's way, steps 7–10: committed entries reach the machine; its answers, events and rows go their ways.

import ChatMachine
import ChatModel
import ClusterModel
import Failpoints
import Projections
import Raft

/// What one run of entries leads to beside the state.
private struct Applying {
    /// Of the command that is applied.
    var effects: ApplyEffects
    var commands = 0
    /// Rows that have been queued.
    var rows = 0
    /// Somebody looks at every event.
    let isWitnessed: Bool
    /// Of the entry that is applied.
    var commandsRead = ReadCommands()
    /// Of the entry that is applied, for whoever looks.
    var witnessed: [DurableEvent] = []
}

/// The commands of one entry: where each stands, and what it says if it is a plain post. All are read before the first is
/// applied, so that what they will touch can be fetched together. One for all shards of a host, which apply in turn.
struct ReadCommands {
    private var places: [Range<Int>] = []
    /// nil for what must be decoded.
    private(set) var posts: [ReadPost?] = []

    var count: Int { self.places.count }
    subscript(ordinal: Int) -> (place: Range<Int>, post: ReadPost?) { (self.places[ordinal], self.posts[ordinal]) }

    /// In place of those before.
    ///
    /// - Throws: what the decoder says of bytes that no replica of this version has written.
    mutating func read(_ bytes: [UInt8], findingPosts: Bool) throws(WireError) {
        self.places.removeAll(keepingCapacity: true)
        self.posts.removeAll(keepingCapacity: true)
        var reader = LoggedCommandPlaces(bytes)
        while let place = try reader.next() {
            let post = findingPosts ? LoggedPost(encoded: bytes, in: place) : nil
            self.places.append(place)
            self.posts.append(post.map { ReadPost($0, of: bytes) })
        }
    }
}

extension ShardReplica {
    func apply(_ entries: [Entry]) {
        Failpoints.hit(.applyBefore)
        // Once: others hold it weakly, so that each counted reference to it goes through a table beside it.
        let host = self.host
        let witness = host.witness
        var bytes = 0
        // Out of this object while it is used, so that each access to it needs no check.
        var applying = Applying(effects: ApplyEffects(), isWitnessed: witness != nil)
        swap(&applying.effects, &self.applyEffects)
        swap(&applying.commandsRead, &host.commandsRead)
        for entry in entries {
            precondition(
                entry.index == self.appliedIndex.next(),
                "shard \(self.shard): entry \(entry.index) after applied \(self.appliedIndex)")
            self.appliedIndex = entry.index
            bytes += entry.byteCount
            let proposals = self.takeProposals(for: entry)
            switch entry.payload {
            case .noop, .configuration: break
            case .command(let bytes):
                do throws(WireError) {
                    try self.apply(bytes, at: entry.index, proposals ?? [], host, &applying)
                } catch {
                    // Skipping it would let this replica drift from those that know the command.
                    host.stop(.unknownCommand(shard: self.shard, index: entry.index, error))
                }
            }
            if let witness {
                witness.applied(self.shard, entry, stateHash: self.machine.stateHash, events: applying.witnessed)
                applying.witnessed.removeAll()
            }
        }
        self.rowMarks.append(
            RowMark(index: self.appliedIndex, end: self.pendingRows.end, stateHash: self.machine.stateHash))
        swap(&applying.effects, &self.applyEffects)
        swap(&applying.commandsRead, &host.commandsRead)
        host.didQueueRows(applying.rows)
        self.retention.applied(
            self.appliedIndex, bytes: bytes, nodeBytes: host.disk.logBytes, milliseconds: host.milliseconds)
        host.didApply(entries: entries.count, commands: applying.commands)
        Failpoints.hit(.applyAfter)
        self.serveReadsAwaitingApply()
        if self.isTransactionFull { self.project() }
    }

    /// Applies the commands of one entry, each as by itself.
    ///
    /// - Parameter proposals: of its commands, in their order; none where another replica has proposed it.
    /// - Throws: what the decoder says of a command that no replica of this version has written.
    private func apply(
        _ bytes: [UInt8], at index: LogIndex, _ proposals: [QueuedProposal], _ host: ReplicationHost,
        _ applying: inout Applying
    ) throws(WireError) {
        try applying.commandsRead.read(bytes, findingPosts: self.appliesPostsInPlace)
        let count = applying.commandsRead.count
        if count > 1 { self.machine.prefetch(applying.commandsRead.posts) }
        for ordinal in 0..<count {
            let proposal = ordinal < proposals.count ? proposals[ordinal] : nil
            let (place, post) = applying.commandsRead[ordinal]
            try self.apply(bytes, place, post, at: index, proposal, host, &applying)
            if applying.isWitnessed { applying.witnessed += applying.effects.events }
            applying.effects.removeAll(keepingCapacity: true)
        }
        applying.commands += count
    }

    private func apply(
        _ bytes: [UInt8], _ place: Range<Int>, _ post: ReadPost?, at index: LogIndex, _ proposal: QueuedProposal?,
        _ host: ReplicationHost, _ applying: inout Applying
    ) throws(WireError) {
        let posted = post.flatMap { self.applyPost(bytes, $0, at: index, proposal, &applying) }
        var result = CommandResult.done
        var awaitsEffects = false
        if posted == nil {
            let logged: LoggedCommand
            if case .command(let own)? = proposal?.proposed {
                logged = own
            } else {
                logged = try LoggedCommand(encoded: bytes, in: place)
            }
            result = self.machine.apply(logged, at: index, into: &applying.effects)
            awaitsEffects = applying.effects.outboxAdded && logged.command.awaitsEffects
        }
        self.pendingRows.append(applying.effects.changes)
        applying.rows += applying.effects.changes.count
        if let proposal {
            if let posted {
                proposal.complete(posted)
            } else {
                self.answer(proposal, at: index, awaitsEffects: awaitsEffects, result)
            }
        }
        for event in applying.effects.events { self.feed(event) }
        for notice in applying.effects.notices { self.feed(notice.0, notice.1) }
        for aside in applying.effects.asides { self.feed(aside.2, to: aside.1, in: aside.0) }
        if applying.effects.outboxAdded { host.outboxGrew(self) }
        if applying.effects.registryChanged || applying.effects.directoryChanged || applying.effects.accountsChanged {
            host.directoryApplied(applying.effects)
        }
    }

    /// Applies a plain message in the bytes of its command.
    ///
    /// - Returns: what to answer; nil, with nothing changed, for everything else.
    private func applyPost(
        _ bytes: [UInt8], _ read: ReadPost, at index: LogIndex, _ proposal: QueuedProposal?,
        _ applying: inout Applying
    ) -> ProposeOutcome? {
        guard let message = self.machine.apply(read, of: bytes, at: index, into: &applying.effects) else { return nil }
        let post = read.post
        self.pendingRows.append(message, post, of: bytes, at: index)
        applying.rows += 1
        let isHeard = applying.isWitnessed || self.feeds.channels[post.channel] != nil
        let event: DurableEvent
        if case .command(let logged)? = proposal?.proposed,
            case .postMessage(_, let content, _, _) = logged.command
        {
            event = post.event(seq: message.seq, at: message.mark.at, content)
        } else if isHeard {
            event = post.event(seq: message.seq, at: message.mark.at, of: bytes)
        } else {
            // Nobody asks for it.
            return .posted(seq: message.seq, at: message.mark.at)
        }
        if isHeard { applying.effects.events.append(event) }
        return .applied(.message(event))
    }
}
