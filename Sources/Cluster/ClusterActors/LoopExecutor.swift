// Runs an actor on a NIO event loop.

import NIOCore
import Synchronization

/// What an actor can be pinned to: the actor's own executor and the preference of the tasks that call it are one, so that
/// a call does not hop between threads.
package typealias ActorExecutor = SerialExecutor & TaskExecutor

/// An event loop as an `ActorExecutor`. NIO's own is no task executor. Jobs that gather between two turns of the loop run
/// in one.
package final class LoopExecutor: SerialExecutor, TaskExecutor {
    private struct Jobs {
        var waiting: [UnownedJob] = []
        var isScheduled = false
    }

    private let loop: any EventLoop
    private let jobs = Mutex(Jobs())

    package init(_ loop: any EventLoop) { self.loop = loop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let schedules = self.jobs.withLock { jobs in
            jobs.waiting.append(job)
            defer { jobs.isScheduled = true }
            return !jobs.isScheduled
        }
        if schedules { self.loop.execute { self.run() } }
    }

    package func checkIsolated() { self.loop.preconditionInEventLoop() }

    /// Only what waited at the beginning: jobs that jobs make take another turn, so that sockets get theirs.
    private func run() {
        let batch = self.jobs.withLock { jobs in
            defer { jobs.waiting = [] }
            return jobs.waiting
        }
        for job in batch {
            job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
        }
        let again = self.jobs.withLock { jobs in
            jobs.isScheduled = !jobs.waiting.isEmpty
            return jobs.isScheduled
        }
        if again { self.loop.execute { self.run() } }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
}
