// What arrives is handed on at once; what is to be done is gathered, and done when the turn ends.

import ChatModel
import ClusterModel
import Failpoints
import NIOCore
import Placement
import Raft
import WriteAheadLog

/// What one turn of the loop has gathered.
struct Turn {
    var dirty: [ShardReplica] = []
    var appends: [WALAppend] = []
    var repaired: [ShardID] = []
    var control: [NodeID: [RaftBatch.ShardMessage]] = [:]
    var bulk: [NodeID: [RaftBatch.ShardMessage]] = [:]
    var feeds: [NodeID: [FeedItem]] = [:]
    var isFlushScheduled = false
}

extension ReplicationHost {
    func markDirty(_ replica: ShardReplica) {
        self.turn.dirty.append(replica)
        self.scheduleFlush()
    }

    func enqueue(_ message: RaftMessage, of replica: ShardReplica) {
        guard !self.isMute(replica) else { return }
        let item = RaftBatch.ShardMessage(shard: replica.shard, message: message)
        if message.isControl {
            self.turn.control[message.to.node, default: []].append(item)
        } else {
            self.turn.bulk[message.to.node, default: []].append(item)
        }
        self.scheduleFlush()
    }

    func enqueue(_ append: WALAppend) {
        self.turn.appends.append(append)
        self.scheduleFlush()
    }

    func enqueue(_ item: FeedItem, to node: NodeID) {
        self.turn.feeds[node, default: []].append(item)
        self.scheduleFlush()
    }

    /// Ends the turn after everything that has already arrived on the loop; while turns are spaced not too soon after the
    /// one before, so that more has.
    package func scheduleFlush() {
        guard !self.turn.isFlushScheduled else { return }
        self.turn.isFlushScheduled = true
        let next = self.lastTurnEnded + self.spacing.interval
        guard self.spacing.interval > .zero, next > self.loop.now else { return self.loop.execute { self.flush() } }
        self.loop.scheduleTask(deadline: next) { self.flush() }
    }

    private func flush() {
        self.loop.preconditionInEventLoop()
        self.turn.isFlushScheduled = false
        guard !self.isStopped else { return }
        // Before what it hands on asks for the next one.
        if self.spacing.interval > .zero { self.lastTurnEnded = self.loop.now }
        let dirty = self.turn.dirty
        self.turn.dirty.removeAll(keepingCapacity: true)
        for replica in dirty { replica.flush() }
        if !self.turn.appends.isEmpty {
            self.log?.submit(self.turn.appends)
            self.turn.appends.removeAll(keepingCapacity: true)
        }
        for shard in self.turn.repaired { self.log?.repaired(shard) }
        self.turn.repaired.removeAll()
        if !self.turn.control.isEmpty { Failpoints.hit(.raftVoteSend) }
        if !self.turn.bulk.isEmpty { Failpoints.hit(.raftAppendSend) }
        self.sendAll(&self.turn.control, isControl: true)
        self.sendAll(&self.turn.bulk, isControl: false)
        if !self.turn.feeds.isEmpty {
            let feeds = self.turn.feeds
            self.turn.feeds.removeAll(keepingCapacity: true)
            for (node, items) in feeds.sorted(by: { $0.key < $1.key }) {
                if node == self.node { self.observer?.feed(items) } else { self.links.deliver(items, to: node) }
            }
        }
        self.observer?.turnEnded()
    }

    /// A batch stays well below the transport's frame limit: appends are cut where their bytes add up.
    private func sendAll(_ lanes: inout [NodeID: [RaftBatch.ShardMessage]], isControl: Bool) {
        guard !lanes.isEmpty else { return }
        let batches = lanes
        lanes.removeAll(keepingCapacity: true)
        // In the order of the nodes: what leaves a turn follows from what came into it, and from nothing else.
        for (node, messages) in batches.sorted(by: { $0.key < $1.key }) {
            var part: [RaftBatch.ShardMessage] = []
            var bytes = 0
            for message in messages {
                let size = message.message.estimatedBytes
                if !part.isEmpty, bytes + size > RaftBatch.bytesMax {
                    self.send(part, to: node, isControl: isControl)
                    part.removeAll(keepingCapacity: true)
                    bytes = 0
                }
                part.append(message)
                bytes += size
            }
            self.send(part, to: node, isControl: isControl)
        }
    }

    private func send(_ messages: [RaftBatch.ShardMessage], to node: NodeID, isControl: Bool) {
        self.links.send(
            RaftBatch(cluster: self.cluster, from: self.node, to: node, messages: messages), to: node,
            isControl: isControl)
    }

    // MARK: What arrives

    /// Any thread.
    package func received(_ batch: RaftBatch, from node: NodeID) {
        guard batch.cluster == self.cluster, batch.from == node, batch.to == self.node else { return }
        self.loop.execute {
            guard self.isRunning, !self.isStopped else { return }
            for item in batch.messages { self.received(item) }
        }
    }

    private func received(_ item: RaftBatch.ShardMessage) {
        guard self.shardMap.contains(item.shard), let replica = self.replica(for: item) else { return }
        let message = item.message
        if message.isFromLeader { self.leaderHeard(by: replica) }
        if message.body == .timeoutNow, !self.mayLead(replica) { return }
        replica.step(.received(message))
    }

    /// The connection to this node broke and a new one was refused. Any thread.
    package func peerUnreachable(_ node: NodeID) {
        self.loop.execute {
            guard !self.isStopped else { return }
            for case let replica? in self.replicas where self.mayLead(replica) {
                replica.step(.peerUnreachable(node))
            }
        }
    }

    /// This node has started again. Any thread.
    package func peerRestarted(_ node: NodeID) {
        self.loop.execute {
            guard !self.isStopped else { return }
            for case let replica? in self.replicas {
                replica.step(.peerRestarted(node))
                replica.feeds.removeAll(of: node)
            }
        }
    }

    func synced(_ done: [SyncedAppend]) {
        guard !self.isStopped else { return }
        for append in done {
            guard let replica = self.replicas[Int(append.shard.rawValue)] else { continue }
            if append.ticket == ShardReplica.removalTicket {
                self.removalRecorded(of: replica)
            } else if !replica.isLeaving {
                replica.synced(PersistMark(append.ticket))
            }
        }
    }

    func tick() {
        self.tickCount += 1
        let isSecond = self.tickCount % self.ticksPerSecond == 0
        if self.tickCount % 2 == 0 { self.watchDisk() }
        for case let replica? in self.replicas where !replica.isDetached && !replica.isLeaving {
            // A follower that must not lead waits for others; one that leads has to be heard until they do.
            if replica.isLeader || self.mayLead(replica) { replica.step(.tick) }
            replica.answerOverdue(self.milliseconds)
        }
        self.tickSnapshots()
        if isSecond { self.tickSlowly() }
        self.observer?.ticked()
    }

    /// Once a second: whatever asks again, or waits for minutes.
    private func tickSlowly() {
        for case let replica? in self.replicas {
            self.tickRemoval(of: replica)
            if replica.awaitsState { self.askForState(of: replica) }
        }
        self.checkpointWhatIsDue()
        self.releaseWhatIsOld()
        self.pressure.note(wait: self.platform.processorWait(), at: self.milliseconds)
        self.spacing.note(
            commands: self.statistics.commandsApplied, at: self.milliseconds, isShort: self.pressure.isShort,
            self.settings)
        self.indexWhatIsBehind()
    }

    private var ticksPerSecond: UInt64 { UInt64(max(1, 1_000 / self.settings.tickMilliseconds)) }
}

extension RaftMessage {
    /// Only who leads says these.
    var isFromLeader: Bool {
        switch self.body {
        case .append, .heartbeat, .commit, .repairTarget: true
        case .preVote, .preVoteReply, .vote, .voteReply, .appendAccepted, .appendRejected, .heartbeatReply,
            .timeoutNow, .newerTerm, .removed, .repairQuery:
            false
        }
    }

    /// About what the message occupies in a batch.
    var estimatedBytes: Int {
        guard case .append(_, _, let entries, _) = self.body else { return 96 }
        return entries.reduce(128) { $0 + $1.byteCount }
    }
}
