// A replica whose machine is not what its log says: a snapshot takes its place, or the log is read back.

import ChatMachine
import ChatModel
import ClusterModel
import DequeModule
import Failpoints
import Logging
import Projections
import Raft
import WriteAheadLog

extension ShardReplica {
    /// How the machine stands to what the core has handed out.
    enum Standing: Equatable {
        /// Everything committed is applied at once.
        case current
        /// Entries up to `deferredThrough` are committed and have to be read back from the log. → current.
        case catchingUp
        /// The projection is lost and the log does not reach back: any replica's state at this index or above will
        /// do. → installing.
        case awaitingState(above: LogIndex)
        /// A sealed file takes the projection's place; once `mark` is durable, when the core has cut its log for it.
        /// → catchingUp.
        case installing(SnapshotPoint, after: PersistMark?)
    }

    var isCurrent: Bool { self.standing == .current }
    var awaitsState: Bool { if case .awaitingState = self.standing { true } else { false } }

    /// Entries that are committed: applied now, or remembered to be read back.
    func committed(_ entries: [Entry]) {
        guard let last = entries.last else { return }
        if self.isCurrent { self.apply(entries) } else { self.deferredThrough = max(self.deferredThrough, last.index) }
    }

    /// The core's log begins behind this snapshot from now on. The machine follows when the disk says the same.
    func install(_ mark: PersistMark, _ point: SnapshotPoint, _ hardState: HardState?) {
        Failpoints.hit(.snapshotRecordBefore)
        self.host.enqueue(
            WALAppend(
                shard: self.shard, ticket: mark.rawValue, hardState: hardState.map(WALHardState.init),
                restart: WALLogStart(
                    index: point.index, term: point.term,
                    note: LogNote(index: point.index, configuration: point.configuration).encoded)))
        self.configurations.restart(at: point.index, point.configuration)
        self.prepareForState(at: point, after: mark)
    }

    /// Nothing more reaches the old projection.
    func prepareForState(at point: SnapshotPoint, after mark: PersistMark?) {
        self.standing = .installing(point, after: mark)
        self.deferredThrough = max(self.deferredThrough, point.index)
        self.generation += 1
        self.dropRows()
        // Whether they are in the snapshot nobody here can say; their askers ask again, and the log recognises them.
        while let first = self.acceptedProposals.first, first.index <= point.index {
            self.acceptedProposals.removeFirst()
            self.complete(first.proposals, .lost)
        }
    }

    func dropRows() {
        self.host.didDropRows(self.pendingRows.count)
        self.pendingRows = QueuedRows()
        self.rowMarks = []
    }

    /// The state has been read from its file.
    func adopt(_ machine: ShardMachine, _ projection: any ReplicaProjection) {
        Failpoints.hit(.snapshotAdopt)
        let old = self.machine
        self.machine = machine
        self.projection = projection
        self.appliedIndex = projection.appliedIndex
        self.projectedIndex = projection.appliedIndex
        self.deferredThrough = max(self.deferredThrough, self.appliedIndex)
        self.retention.restart(
            at: self.appliedIndex, nodeBytes: self.host.disk.logBytes, milliseconds: self.host.milliseconds)
        self.standing = .catchingUp
        self.isReadingBack = false
        self.switchFeeds(from: old)
        self.serveReadsAwaitingApply()
        self.projectionReached(self.projectedIndex)
        self.readBack()
    }

    /// Who listened hears what was missed: channels from where their feeds stand, users what has changed for them.
    private func switchFeeds(from old: ShardMachine) {
        Failpoints.hit(.feedSwitch)
        for (channel, listeners) in self.feeds.channels.sorted(by: { $0.key < $1.key }) {
            let seq = old.head(of: channel) ?? 0
            for listener in listeners where listener.isLive { self.subscribe(listener.node, to: channel, after: seq) }
        }
        for user in self.feeds.users.keys.sorted() {
            for notice in self.machine.notices(for: user, since: old) { self.feed(user, notice) }
        }
    }

    /// Applies from the log what was committed while the machine was elsewhere. What is not durable here yet comes
    /// with the next sync.
    func readBack() {
        guard self.standing == .catchingUp, !self.isReadingBack else { return }
        guard self.appliedIndex < self.deferredThrough else {
            self.standing = .current
            self.host.becameCurrent(self)
            return
        }
        let last = min(self.deferredThrough, self.syncedIndex)
        guard last > self.appliedIndex else { return }
        self.isReadingBack = true
        let generation = self.generation
        self.host.readLog(
            self.shard, from: self.appliedIndex.next(), to: last.next(), bytesMax: self.host.settings.readBackBytesMax
        ) { [weak self] entries in
            guard let self, self.generation == generation else { return }
            self.isReadingBack = false
            // None: the log could not be read; the next second asks again.
            guard !entries.isEmpty else { return }
            self.apply(entries)
            self.readBack()
            self.host.scheduleFlush()
        }
    }
}

extension WALHardState {
    init(_ state: HardState) {
        self.init(term: state.term, votedFor: state.votedFor, commitIndex: state.commitIndex)
    }
}
