/// A named place in the code where a test may crash, stop or delay the process.
///
/// Names are `area.thing.when` and stay as they are: chaos runs and their records quote them. A new one is a case
/// here and a `Failpoints.hit(_:)` at its place.
package enum Failpoint: String, CaseIterable, Sendable {
    // MARK: Write-ahead log

    /// The host hands over what a turn wants durable.
    case walSubmitBefore = "wal.submit.before"
    case walSubmitAfter = "wal.submit.after"
    /// A sealed batch goes to the disk. After: the write was handed over; nothing is known of it yet.
    case walWriteBefore = "wal.write.before"
    case walWriteAfter = "wal.write.after"
    /// The log waits for the disk. After: the batch is durable and nobody has been told.
    case walSyncBefore = "wal.sync.before"
    case walSyncAfter = "wal.sync.after"
    /// The host is told. After: it has been.
    case walCompletionBefore = "wal.completion.before"
    case walCompletionAfter = "wal.completion.after"
    /// A new file of zeros, not yet under its name; then under it.
    case walSegmentCreate = "wal.segment.create"
    case walSegmentCreated = "wal.segment.created"
    /// The log leaves a full segment; then its successor's first batch is durable.
    case walSegmentSeal = "wal.segment.seal"
    case walSegmentSealed = "wal.segment.sealed"
    /// A released segment has lost its name and still has its content.
    case walSegmentRecycle = "wal.segment.recycle"
    case walSegmentRecycled = "wal.segment.recycled"
    case walSegmentRemove = "wal.segment.remove"
    case walSegmentRemoved = "wal.segment.removed"
    /// The record that lets go of entries is encoded.
    case walReleaseRecord = "wal.record.release"
    /// The record that begins a shard's log behind a snapshot is encoded.
    case walRestartRecord = "wal.record.restart"
    /// The record that drops a replica's log is encoded.
    case walRemovalRecord = "wal.record.removal"
    /// The record that ends a shard's damage is encoded.
    case walRepairRecord = "wal.record.repair"
    /// The watermark alone is written.
    case walMarker = "wal.marker"
    /// Opening: before anything is read; when everything is read and nothing written; when the log may be used.
    case walOpenBefore = "wal.open.before"
    case walOpenRecovered = "wal.open.recovered"
    case walOpenAfter = "wal.open.after"

    // MARK: Replication

    /// Elections and heartbeats leave the node; appends and their answers do.
    case raftVoteSend = "raft.vote.send"
    case raftAppendSend = "raft.append.send"
    /// A configuration entry is handed to the log; one was committed.
    case raftConfigurationAppend = "raft.configuration.append"
    case raftConfigurationCommit = "raft.configuration.commit"
    /// Committed entries reach the machine. After: results and events have gone their ways.
    case applyBefore = "apply.before"
    case applyAfter = "apply.after"
    /// The host lets go of a shard's log below what its projection holds durably.
    case retentionReleaseBefore = "retention.release.before"
    case retentionReleaseAfter = "retention.release.after"
    /// A replica that was proved to be left out is deleted: tombstone, then files.
    case removalRecordBefore = "removal.record.before"
    case removalFilesBefore = "removal.files.before"
    case removalFilesAfter = "removal.files.after"
    /// A replica was found damaged, or is whole again.
    case damageRepaired = "damage.repaired"
    /// A state took the place of another: listeners are caught up from it.
    case feedSwitch = "feed.switch"

    // MARK: Snapshots

    case snapshotMakeBefore = "snapshot.make.before"
    case snapshotMakeAfter = "snapshot.make.after"
    case snapshotOfferSend = "snapshot.offer.send"
    case snapshotChunkSend = "snapshot.chunk.send"
    case snapshotChunkWritten = "snapshot.chunk.written"
    /// Everything has arrived and is fsynced.
    case snapshotVerifyBefore = "snapshot.verify.before"
    case snapshotRenameBefore = "snapshot.rename.before"
    case snapshotRenameAfter = "snapshot.rename.after"
    /// The core is told, and its answer goes to the log; then it is durable there.
    case snapshotRecordBefore = "snapshot.record.before"
    case snapshotRecordAfter = "snapshot.record.after"
    /// The old projection is closed; its companions are gone; the new file has the name.
    case snapshotSwapBefore = "snapshot.swap.before"
    case snapshotSwapMiddle = "snapshot.swap.middle"
    case snapshotSwapAfter = "snapshot.swap.after"
    /// The machine is loaded and takes over.
    case snapshotAdopt = "snapshot.adopt"

    // MARK: Projections

    case projectionWriteBefore = "projection.write.before"
    /// The rows are written, and the index does not know of them yet.
    case searchIndexBefore = "search.index.before"
    case projectionWriteAfter = "projection.write.after"
    case projectionCheckpointBefore = "projection.checkpoint.before"
    case projectionCheckpointAfter = "projection.checkpoint.after"

    // MARK: Effects between shards

    case outboxSend = "outbox.send"
    case outboxAcknowledge = "outbox.acknowledge"
}
