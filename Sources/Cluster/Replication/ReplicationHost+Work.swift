// What blocks, on threads of its own: reading the log, writing and reading projections.

import ChatModel
import ClusterModel
import Logging
import NIOCore
import Projections
import Raft
import WriteAheadLog

extension ReplicationHost {
    /// While replicas are brought back.
    var currentLog: any ReplicaLog {
        guard let log = self.log else { preconditionFailure("the log is not open") }
        return log
    }

    func readLog(
        _ shard: ShardID, from: LogIndex, to: LogIndex, bytesMax: Int, _ complete: @escaping ([Entry]) -> Void
    ) {
        guard let log = self.log else { return complete([]) }
        let done = LoopBox(complete)
        self.readerPool.submit {
            let entries: [Entry]
            do {
                entries = try log.read(shard, from: from, to: to, bytesMax: bytesMax).map { try $0.entry() }
            } catch WALError.released {
                // Released since it was asked for: whoever wanted it needs a snapshot now.
                entries = []
            } catch {
                self.logger.error(
                    "Reading the log failed",
                    metadata: ["shard": "\(shard)", "raft.index": "\(from)", "error": "\(error)"])
                entries = []
            }
            // A replica that hears of it needs its host.
            self.loop.execute { withExtendedLifetime(self) { done.value(entries) } }
        }
    }

    /// Writes rows, again and again while the disk is full: they are in the log, and nothing is lost by waiting.
    func writeProjection(
        rows: Int, _ work: @escaping @Sendable () throws -> Void, _ complete: @escaping () -> Void
    ) {
        let done = LoopBox(complete)
        self.writerPool.submit {
            do {
                try work()
            } catch ProjectionError.diskFull {
                self.loop.execute {
                    guard !self.isStopped else { return }
                    self.disk.projectionFoundNoRoom(at: self.milliseconds)
                    self.loop.scheduleTask(in: .seconds(1)) { self.writeProjection(rows: rows, work, done.value) }
                }
                return
            } catch {
                self.stop(.projection("\(error)"))
                return
            }
            self.loop.execute {
                self.projectionBacklogRows -= rows
                done.value()
                self.scheduleFlush()
            }
        }
    }

    /// - Parameter pool: that of readers, unless another one is named.
    func readProjection(
        on pool: (any WorkPool)? = nil, _ work: @escaping @Sendable () throws -> ReadOutcome,
        _ complete: ReadCompletion
    ) {
        let done = LoopBox(complete)
        (pool ?? self.readerPool).submit {
            let outcome: ReadOutcome
            do {
                outcome = try work()
            } catch ProjectionError.closed {
                outcome = .unavailable  // Another state has taken its place; the asker tries again.
            } catch {
                self.logger.error("Reading a projection failed", metadata: ["error": "\(error)"])
                outcome = .unavailable
            }
            switch done.value {
            case .onLoop(let complete):
                let complete = LoopBox(complete)
                self.loop.execute { withExtendedLifetime(self) { complete.value(outcome) } }
            case .anywhere(let complete): complete(outcome)
            }
        }
    }

    /// Reads go on; writes wait until SQLite has caught up.
    var isProjectionBehind: Bool { self.projectionBacklogRows > self.settings.projectionBacklogRowsMax }

    func projectAll() {
        for case let replica? in self.replicas where !replica.rowMarks.isEmpty { replica.project() }
    }

    /// Runs `work` on a pool and gives its result back on the loop.
    func run<Value: Sendable>(
        on pool: any WorkPool, _ work: @escaping @Sendable () throws(ProjectionError) -> Value,
        _ complete: @escaping (Result<Value, ProjectionError>) -> Void
    ) {
        let done = LoopBox(complete)
        pool.submit {
            let result: Result<Value, ProjectionError>
            do throws(ProjectionError) {
                result = .success(try work())
            } catch {
                result = .failure(error)
            }
            self.loop.execute {
                guard !self.isStopped else { return }
                done.value(result)
                self.scheduleFlush()
            }
        }
    }
}
