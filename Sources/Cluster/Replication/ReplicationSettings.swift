import ClusterModel
import Raft

/// The figures of a node's replication host. Times in milliseconds unless the name says otherwise.
package struct ReplicationSettings: Sendable {
    package var raft = RaftSettings()
    /// One Raft tick.
    package var tickMilliseconds: Int64 = 50
    /// While processors are short and much is written, turns of the loop end this far apart: what they gather is then
    /// worth its wake-ups, writes and messages (`TurnSpacing`).
    package var turnMillisecondsMax: Int64 = 1
    /// Commands applied in a second, from which on turns are spaced at all, and from which on as far as they ever are.
    package var turnsSpacedFromCommands = 3_000
    package var turnsSpacedFullyFromCommands = 9_000
    /// Every led group is compared with its ideal placement this often.
    package var reconcileMilliseconds: Int64 = 500
    /// Rows wait at most about this long for their transaction, unless a read wants them: a transaction costs its
    /// pages, and a second's rows of a channel share theirs.
    package var projectionMilliseconds: Int64 = 2_000
    /// Rows of one shard that make a transaction worth while at once: the more there are, the longer a channel's runs
    /// and the fewer pages are written twice.
    package var projectionRowsMax = 4_096
    /// The same in bytes that are kept for events, whole entries of plain messages, so that long texts do not wait by the
    /// thousand.
    package var projectionBytesMax = 4 << 20
    /// Rows of all shards that may wait before proposals are refused as overloaded.
    package var projectionBacklogRowsMax = 200_000
    /// Proposals of one shard that wait for their commit.
    package var pendingProposalsMax = 16_384
    /// Parts of searches, one for each shard, that wait for a thread: some hundred milliseconds of work. More are refused.
    package var searchesWaitingMax = 1_024
    /// Bytes of an entry that holds several commands. 0: each is an entry of its own.
    package var batchBytesMax = 32 << 10
    /// An answer waits no longer for what its command asks of other shards.
    package var effectsAwaitedMillisecondsMax: UInt64 = 250
    /// Events of one page of a feed's catch-up.
    package var feedPageMax: UInt32 = 256
    /// The size of a segment of the write-ahead log.
    package var segmentBytes = 64 << 20
    package var snapshots = SnapshotTransferSettings()
    package var retention = RetentionSettings()
    /// Checkpoints that a node begins in a second.
    package var checkpointsPerSecondMax = 16
    /// One page of a log that is read back into a machine.
    package var readBackBytesMax = 1 << 20
    package var removal = RemovalSettings()
    package var watchdog = DiskWatchdog.Settings()
    /// Plain messages are decided in their commands' bytes (`LoggedPost`). Off on some of the simulator's nodes, whose states
    /// have to be the same.
    package var appliesPostsInPlace = true
    package var faults: ReplicationFaults = []

    package init() {}
}
