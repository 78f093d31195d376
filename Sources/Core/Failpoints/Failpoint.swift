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
}
