import ClusterModel

// What the host and the log say to each other. All values; the log never looks into a payload.

/// One entry of one shard's replicated log, as the log keeps it.
package struct WALEntry: Equatable, Sendable {
    package var index: LogIndex
    package var term: Term
    /// The host's kind of payload, opaque here but for `WALSettings.retainedKinds`.
    package var kind: UInt8
    package var payload: [UInt8]

    package init(index: LogIndex, term: Term, kind: UInt8, payload: [UInt8]) {
        self.index = index
        self.term = term
        self.kind = kind
        self.payload = payload
    }
}

/// What a Raft replica must not forget (Raft paper, figure 2), and how far it knew the log committed.
package struct WALHardState: Equatable, Sendable {
    package var term: Term
    package var votedFor: ReplicaID?
    package var commitIndex: LogIndex

    package init(term: Term, votedFor: ReplicaID?, commitIndex: LogIndex) {
        self.term = term
        self.votedFor = votedFor
        self.commitIndex = commitIndex
    }
}

/// The place after which a shard's log starts anew because a snapshot took the place of what was before.
package struct WALLogStart: Equatable, Sendable {
    /// The last index that the snapshot covers; the next entry is the one after it.
    package var index: LogIndex
    /// The term of that index.
    package var term: Term
    /// What the host wants to know about the place: opaque here, at most `WALSettings.noteBytesMax`.
    package var note: [UInt8]

    package init(index: LogIndex, term: Term, note: [UInt8]) {
        self.index = index
        self.term = term
        self.note = note
    }
}

/// One thing to make durable for one shard. Its parts become durable in the order of the fields, and all
/// of them before its ticket is given back.
package struct WALAppend: Sendable {
    package var shard: ShardID
    /// Opaque; given back through `onSynced` once everything here is durable.
    package var ticket: UInt64
    /// Drops the shard's entries, hard state and note and leaves this instead, at most `WALSettings.tombstoneBytesMax`
    /// bytes, in every later segment. What comes after it, in this append or a later one, begins a new replica's log;
    /// the tombstone stays until the next removal.
    package var removal: [UInt8]?
    package var hardState: WALHardState?
    /// Set after a snapshot was installed: drops all entries of the shard.
    package var restart: WALLogStart?
    /// Consecutive. The first may lie at or below the shard's last index and then replaces everything from there on;
    /// it may not lie further on than the index after the last.
    package var entries: [WALEntry]

    package init(
        shard: ShardID, ticket: UInt64, removal: [UInt8]? = nil, hardState: WALHardState? = nil,
        restart: WALLogStart? = nil, entries: [WALEntry] = []
    ) {
        self.shard = shard
        self.ticket = ticket
        self.removal = removal
        self.hardState = hardState
        self.restart = restart
        self.entries = entries
    }
}

/// A `WALAppend` that is durable.
package struct SyncedAppend: Equatable, Sendable {
    package var shard: ShardID
    package var ticket: UInt64

    package init(shard: ShardID, ticket: UInt64) {
        self.shard = shard
        self.ticket = ticket
    }
}

/// From `first` on (until the next run), entries have `term`.
package struct WALTermRun: Equatable, Sendable {
    package var first: LogIndex
    package var term: Term

    package init(first: LogIndex, term: Term) {
        self.first = first
        self.term = term
    }
}

/// How long entries have stood in a log, at least.
package struct WALAge: Equatable, Sendable {
    /// The last of them.
    package var through: LogIndex
    package var milliseconds: UInt64

    package init(through: LogIndex, milliseconds: UInt64) {
        self.through = through
        self.milliseconds = milliseconds
    }
}

/// What damage took from a shard. It stays said, over restarts too, until the host calls `repaired` or removes the
/// replica.
package enum WALDamage: UInt8, Equatable, Sendable {
    /// Entries that were acknowledged may be missing behind `lastIndex`; term and vote are known. The replica must
    /// neither vote nor campaign nor count as having anything until it has caught up with a leader.
    case entriesLost = 1
    /// Term and vote may be older than what was promised, and entries may be missing: the replica is gone. It must
    /// never speak again under its id.
    case hardStateLost = 2
}

/// Whether a shard's log is what was acknowledged.
package enum WALCondition: Equatable, Sendable {
    case sound
    case damaged(WALDamage)
}

/// A place in the log that does not hold what was written there.
package struct WALCorruption: Equatable, Sendable, CustomStringConvertible {
    package var segment: SegmentNumber
    /// Whole blocks of the segment, in bytes from its start; empty when it is unknown how far it reaches.
    package var bytes: Range<Int>
    package var reason: CorruptionReason

    package init(segment: SegmentNumber, bytes: Range<Int>, reason: CorruptionReason) {
        self.segment = segment
        self.bytes = bytes
        self.reason = reason
    }

    package var description: String {
        "segment \(self.segment), bytes \(self.bytes.lowerBound)..<\(self.bytes.upperBound): \(self.reason)"
    }
}

/// What the log held when it was opened.
package struct WALRecovery: Sendable {
    package struct RecoveredShard: Equatable, Sendable {
        /// nil when the shard never wrote one.
        package var hardState: WALHardState?
        /// The lowest index that is still kept; `lastIndex.next()` when the log holds no entry.
        package var firstIndex: LogIndex
        /// The term of the index below `firstIndex`; zero when that is the log's beginning, or was written by a
        /// version that did not keep it.
        package var baseTerm: Term
        /// The host's words about the index below `firstIndex`, from the restart or release that set it.
        package var note: [UInt8]
        package var lastIndex: LogIndex
        /// The term of `lastIndex`, also when that entry itself was released.
        package var lastTerm: Term
        /// Covers `firstIndex...lastIndex`; empty when the log holds no entry.
        package var termRuns: [WALTermRun]
        /// The kept entries whose kind is in `WALSettings.retainedKinds`, in order.
        package var configurationEntries: [WALEntry]
        /// When damaged, everything above is the prefix that is certain, and a hard state that may be old.
        package var condition: WALCondition
        /// When damaged: the last index that the log is known to have held, for whoever has to say what is missing;
        /// nil when nothing tells.
        package var lostThrough: LogIndex?
        /// The replica was removed and none has come since: there is nothing but the tombstone.
        package var isRemoved: Bool
        /// Of the last removal; empty when there was none.
        package var tombstone: [UInt8]
        /// Of entries that are kept, ascending; the others are of unknown age.
        package var ages: [WALAge]

        package init(
            hardState: WALHardState? = nil, firstIndex: LogIndex = LogIndex(1), baseTerm: Term = .zero,
            note: [UInt8] = [], lastIndex: LogIndex = .zero, lastTerm: Term = .zero, termRuns: [WALTermRun] = [],
            configurationEntries: [WALEntry] = [], condition: WALCondition = .sound, lostThrough: LogIndex? = nil,
            isRemoved: Bool = false, tombstone: [UInt8] = [], ages: [WALAge] = []
        ) {
            self.hardState = hardState
            self.firstIndex = firstIndex
            self.baseTerm = baseTerm
            self.note = note
            self.lastIndex = lastIndex
            self.lastTerm = lastTerm
            self.termRuns = termRuns
            self.configurationEntries = configurationEntries
            self.condition = condition
            self.lostThrough = lostThrough
            self.isRemoved = isRemoved
            self.tombstone = tombstone
            self.ages = ages
        }
    }

    /// Every shard that wrote anything; after damage of unknown extent also those that may have written something of
    /// which nothing is left, below `WALSettings.shardCountMax`.
    package var shards: [ShardID: RecoveredShard]
    /// A last write that the crash cut off, in words. It was never acknowledged and is gone.
    package var tornTail: String?
    /// What did not read back, in the order of the log. Not all of it need have hurt a shard.
    package var corruptions: [WALCorruption]

    package init(
        shards: [ShardID: RecoveredShard] = [:], tornTail: String? = nil, corruptions: [WALCorruption] = []
    ) {
        self.shards = shards
        self.tornTail = tornTail
        self.corruptions = corruptions
    }
}

/// Figures of a running log. Read from any thread; a snapshot, not a transaction.
package struct WALStatistics: Sendable {
    /// `io_uring` or `pwrite`.
    package var driver = ""
    /// Group commits since the log was opened, markers and segment headers included.
    package var syncs: UInt64 = 0
    /// Bytes handed to the disk, padding included.
    package var bytes: UInt64 = 0
    package var records: UInt64 = 0
    /// From handing the last batch to the disk until it was durable.
    package var lastSyncLatency: Duration = .zero
    /// Bytes submitted and not yet durable.
    package var queuedBytes = 0
    /// How long the oldest submission that is not yet durable has been waiting; nil when there is none.
    /// The disk watchdog of the host looks at this.
    package var oldestUnsynced: Duration?
    /// Segments in use, spares not counted.
    package var segments = 0
    /// The last attempt to prepare a spare segment failed. The log goes on in the current segment; the host should
    /// give up leaderships and refuse proposals until this is nil again.
    package var spareFailure: WALError?
}
