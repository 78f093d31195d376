import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import Logging
import Projections
import Synchronization
import WriteAheadLog

/// The disk's parts, on the disk of the temporary folder.
enum StorageBenchmarks {
    static func run(_ harness: Harness, folder: String) throws {
        try self.log(harness, folder + "/wal")
        try self.projection(harness, folder)
        try SearchBenchmarks.run(harness, folder: folder)
    }

    private static func log(_ harness: Harness, _ folder: String) throws {
        let synced = Arrivals()
        let (log, _) = try WriteAheadLog.open(
            directory: folder, settings: WALSettings(), logger: Logger(label: "benchmarks"),
            onSynced: { synced.add($0.count) }, onFatal: { fatalError("the log failed: \($0)") })
        defer { log.close() }
        let payload = [UInt8](repeating: 7, count: 330)
        var index: UInt64 = 0
        for count in [1, 64, 1_024] {
            harness.measure("log: append and fsync, \(count) together", operations: count) { rounds in
                for _ in 0..<rounds {
                    let entries = (0..<count).map { _ in
                        index += 1
                        return WALEntry(index: LogIndex(index), term: Term(1), kind: 1, payload: payload)
                    }
                    log.submit([WALAppend(shard: ShardID(1), ticket: index, entries: entries)])
                    synced.wait()
                }
            }
        }
    }

    private static func projection(_ harness: Harness, _ folder: String) throws {
        let channels = (0..<8).map(Samples.channel)
        for count in [1, 64, 1_024] {
            let path = "\(folder)/rows-\(count).sqlite"
            let projection = try ShardProjection.open(path: path, shard: ShardID(1))
            var index: UInt64 = 0
            try harness.measure("projection: rows in transactions of \(count)", operations: count) { rounds in
                for _ in 0..<rounds {
                    let rows = (0..<count).map { _ -> RowChange in
                        index += 1
                        let event = Samples.event(index / 8 + 1, in: channels[Int(index % 8)])
                        return .event(event, idempotency: StoredKey(high: index, low: 1, fingerprint: 2))
                    }
                    try projection.write(rows, appliedIndex: LogIndex(index), stateHash: 0)
                }
            }
        }
    }
}

/// Counts what the log's thread reports, one at a time.
final class Arrivals: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func add(_ count: Int) { for _ in 0..<count { self.semaphore.signal() } }
    func wait() { self.semaphore.wait() }
}
