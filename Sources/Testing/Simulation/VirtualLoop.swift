import Dispatch
import NIOCore

/// The one queue of everything that is to happen in a world of whole nodes, in virtual time.
///
/// One world runs on one thread and shares nothing with another: that makes `@unchecked Sendable` true here and
/// in everything below that says so.
final class VirtualScheduler: @unchecked Sendable {
    /// A piece of work that can still be called off.
    final class Handle: @unchecked Sendable {
        var isCancelled = false
    }

    private struct Item {
        let loop: VirtualLoop?
        let life: UInt64
        let isOnLoop: Bool
        let handle: Handle?
        let work: () -> Void
    }

    private var queue = EventQueue<Item>()
    /// Whose loop the running piece of work is on.
    private(set) var current: VirtualLoop?
    private(set) var eventCount = 0
    private var isOver = false

    var now: VirtualTime { self.queue.now }
    var waiting: Int { self.queue.count }

    /// - Parameters:
    ///   - loop: the node that the work belongs to: it waits while that stands still and is gone when that dies.
    ///   - isOnLoop: false for what runs on another thread of the node.
    @discardableResult
    func schedule(
        after delay: VirtualTime = .zero, on loop: VirtualLoop? = nil, isOnLoop: Bool = true,
        _ work: @escaping () -> Void
    ) -> Handle {
        let handle = Handle()
        guard !self.isOver else { return handle }
        self.queue.schedule(
            Item(loop: loop, life: loop?.life ?? 0, isOnLoop: isOnLoop, handle: handle, work: work), after: delay)
        return handle
    }

    /// The same for what is never called off.
    func post(on loop: VirtualLoop, _ work: @escaping () -> Void) {
        guard !self.isOver else { return }
        self.queue.schedule(
            Item(loop: loop, life: loop.life, isOnLoop: true, handle: nil, work: work), after: .zero)
    }

    /// Runs what is next.
    /// - Returns: false when there is nothing.
    func runNext() -> Bool {
        guard let item = self.queue.next() else { return false }
        self.run(item)
        return true
    }

    private func run(_ item: Item) {
        guard item.handle?.isCancelled != true else { return }
        guard let loop = item.loop else {
            self.eventCount += 1
            return item.work()
        }
        guard item.life == loop.life else { return }
        guard !loop.isPaused else {
            loop.backlog.append { self.run(item) }
            return
        }
        self.eventCount += 1
        let before = self.current
        self.current = item.isOnLoop ? loop : nil
        item.work()
        self.current = before
    }

    /// The world is over: what still waits is let go, and with it all that it holds.
    func finish() {
        self.isOver = true
        // Kept to the end of this function: what is dropped may still schedule.
        let waiting = self.queue
        self.queue = EventQueue()
        withExtendedLifetime(waiting) {}
    }

    /// Runs `work` at once, as if on the node's loop.
    func enter<Value>(_ loop: VirtualLoop, _ work: () -> Value) -> Value {
        let before = self.current
        self.current = loop
        defer { self.current = before }
        return work()
    }
}

/// One simulated node's event loop.
final class VirtualLoop: EventLoop, @unchecked Sendable {
    let scheduler: VirtualScheduler
    /// Counts the processes that have run here; work of an earlier one is dropped.
    private(set) var life: UInt64 = 1
    private(set) var isPaused = false
    fileprivate var backlog: [() -> Void] = []

    init(_ scheduler: VirtualScheduler) { self.scheduler = scheduler }

    /// The process is gone, and with it all that waited.
    func kill() {
        self.life += 1
        self.isPaused = false
        self.backlog.removeAll()
    }

    func pause() { self.isPaused = true }

    /// What was due meanwhile happens at once, in its order.
    func resume() {
        guard self.isPaused else { return }
        self.isPaused = false
        let backlog = self.backlog
        self.backlog.removeAll()
        for work in backlog { work() }
    }

    // MARK: EventLoop

    /// Virtual time zero, far from the ends of the range.
    private static let origin: UInt64 = 1_000_000_000_000

    var now: NIODeadline { .uptimeNanoseconds(Self.origin + self.scheduler.now.microseconds * 1_000) }
    var inEventLoop: Bool { self.scheduler.current === self }

    func execute(_ task: @escaping @Sendable () -> Void) { self.scheduler.post(on: self, task) }

    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = self.makePromise(of: T.self)
        let pending = PendingResult(promise, self)
        let wait = max(0, (deadline - self.now).nanoseconds)
        let handle = self.scheduler.schedule(
            after: VirtualTime(microseconds: UInt64(wait + 999) / 1_000), on: self
        ) {
            pending.isDecided = true
            do {
                promise.assumeIsolatedUnsafeUnchecked().succeed(try task())
            } catch {
                promise.fail(error)
            }
        }
        return Scheduled(
            promise: promise,
            cancellationTask: {
                // The caller fails the promise itself.
                pending.isDecided = true
                handle.isCancelled = true
            })
    }

    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.scheduleTask(deadline: self.now + delay, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        callback(nil)
    }
}

/// What a scheduled task owes. A task that dies with its process, or with the world, fails: NIO takes a promise that
/// nobody keeps for a bug.
private final class PendingResult<Value>: @unchecked Sendable {
    private let promise: EventLoopPromise<Value>
    private let loop: VirtualLoop
    var isDecided = false

    init(_ promise: EventLoopPromise<Value>, _ loop: VirtualLoop) {
        self.promise = promise
        self.loop = loop
    }

    deinit {
        guard !self.isDecided else { return }
        self.loop.scheduler.enter(self.loop) { self.promise.fail(EventLoopError.shutdown) }
    }
}
