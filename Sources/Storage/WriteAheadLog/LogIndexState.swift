import ClusterModel
import Synchronization

/// What the log's thread and readers share: where each durable entry is, and the open segment files.
final class LogIndexState: Sendable {
    private let table: Mutex<ShardTable>
    private let files = Mutex<[SegmentNumber: any SegmentFile]>([:])
    private let disk: any LogDisk

    /// Open files are a scarce thing; beyond this many, any one is closed.
    private static let openFilesMax = 64

    init(_ table: ShardTable, disk: any LogDisk) {
        self.table = Mutex(table)
        self.disk = disk
    }

    func withTable<Result: Sendable>(_ body: (inout sending ShardTable) -> sending Result) -> Result {
        self.table.withLock(body)
    }

    /// Of the disk's clock.
    var milliseconds: UInt64 { self.disk.milliseconds }

    func file(_ number: SegmentNumber) throws(WALError) -> any SegmentFile {
        if let open = self.files.withLock({ $0[number] }) { return open }
        let disk = self.disk
        let file = try onDisk { () throws(DiskFailure) in try disk.openSegment(number) }
        self.files.withLock { files in
            if files.count >= Self.openFilesMax, let any = files.keys.first { files[any] = nil }
            files[number] = file
        }
        return file
    }

    func forget(_ number: SegmentNumber) {
        self.files.withLock { $0[number] = nil }
    }
}
