// The host's beginning and end.

import ClusterModel
import Failpoints
import NIOCore
import Placement
import Projections
import WriteAheadLog

extension ReplicationHost {
    package typealias OpenedLog = (log: any ReplicaLog, recovery: WALRecovery)

    /// Opens the disk, brings the replicas back, and begins to tick. Returns when every replica stands where
    /// its disk left it; elections follow by themselves. Called off the loop, once.
    package func start(founding: Bool) async throws(ReplicationFailure) {
        self.writerPool.start()
        self.readerPool.start()
        self.searchPool.start()
        self.bulkPool.start()
        let opened = try self.openLog()
        let result: Result<Void, ReplicationFailure>
        do {
            result = try await self.loop.submit { self.resume(opened, founding: founding) }.get()
        } catch {
            preconditionFailure("the loop refuses work: \(error)")
        }
        try result.get()
    }

    /// The first half of `start`: reads the disk. Off the loop.
    package func openLog() throws(ReplicationFailure) -> OpenedLog {
        let loop = self.loop
        do throws(ProjectionError) {
            try self.platform.shards.sweep()
        } catch {
            throw .projection("\(error)")
        }
        do throws(WALError) {
            var walSettings = WALSettings(shardCount: self.shardMap.shardCount + 1)
            walSettings.retainedKinds = [PayloadKind.configuration]
            walSettings.segmentBytes = self.settings.segmentBytes
            walSettings.segmentMillisecondsMax = self.settings.retention.segmentMilliseconds
            walSettings.batchBytes = min(walSettings.batchBytes, self.settings.segmentBytes / 2)
            return try self.platform.openLog(
                settings: walSettings, logger: self.logger,
                onSynced: { done in loop.execute { self.synced(done) } },
                onFatal: { error in self.stop(.log(error)) })
        } catch {
            throw .log(error)
        }
    }

    /// The second half of `start`, on the loop: brings the replicas back.
    package func resume(_ opened: OpenedLog, founding: Bool) -> Result<Void, ReplicationFailure> {
        self.loop.preconditionInEventLoop()
        self.log = opened.log
        self.disk.rolledOverAt = self.milliseconds
        let result = self.bringBack(opened.recovery, founding: founding)
        self.isRunning = true
        if case .success = result { self.loop.execute { self.beginTicking() } }
        return result
    }

    /// On the loop: nothing more comes of anything, as if the process were gone.
    package func abandon() {
        self.loop.preconditionInEventLoop()
        self.isStopped = true
        for task in self.tasks { task.cancel() }
        self.log = nil
        // What waits in them holds who asked, and who asked holds this host; some of it holds its own replica.
        for case let replica? in self.replicas {
            replica.projectionWaiters = []
            replica.effectWaiters = EffectWaiters()
        }
        self.replicas = Array(repeating: nil, count: self.replicas.count)
        self.turn.dirty = []
    }

    private func beginTicking() {
        self.schedule(every: self.settings.tickMilliseconds) { $0.tick() }
        self.schedule(every: self.settings.reconcileMilliseconds) { $0.reconcile() }
        self.schedule(every: self.settings.projectionMilliseconds) { $0.projectAll() }
        self.scheduleFlush()
    }

    private func schedule(every milliseconds: Int64, _ work: @escaping @Sendable (ReplicationHost) -> Void) {
        let interval = TimeAmount.milliseconds(milliseconds)
        self.tasks.append(
            self.loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
                guard let self, !self.isStopped else { return }
                work(self)
            })
    }

    /// Something that this process can not go on from. Any thread; the first one is reported.
    func stop(_ failure: ReplicationFailure) { self.fatal(failure) }

    /// Writes out the rows that are durable, closes the disk. After it the host does nothing any more.
    package func shutdown() async {
        let loop = self.loop
        let writes: [EventLoopFuture<Void>]? = try? await loop.submit {
            for task in self.tasks { task.cancel() }
            // A replica whose state is on its way has no rows to write.
            return self.replicas.compactMap { $0 }.filter(\.isCurrent).map { replica in
                let promise = loop.makePromise(of: Void.self)
                let index = min(replica.appliedIndex, replica.syncedIndex)
                replica.whenProjected(index, orElse: { promise.succeed() }) { promise.succeed() }
                return promise.futureResult
            }
        }.get()
        for write in writes ?? [] { try? await write.get() }
        let log: (any ReplicaLog)? = try? await loop.submit {
            self.isStopped = true
            defer { self.log = nil }
            return self.log
        }.get()
        log?.close()
        await self.writerPool.shutdown()
        await self.readerPool.shutdown()
        await self.searchPool.shutdown()
        await self.bulkPool.shutdown()
    }
}
