import Glibc

/// A lock with a condition, for the two threads that block: the log's and its helper's.
///
/// `Mutex` of the standard library has no condition to wait for.
final class Monitor<State>: @unchecked Sendable {
    // Sendable because `state` is only touched with the mutex held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    init(_ state: State) {
        self.state = state
        self.mutex = .allocate(capacity: 1)
        self.mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(self.mutex, nil)
        self.condition = .allocate(capacity: 1)
        self.condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    func withLock<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return try body(&self.state)
    }

    /// Changes the state and wakes every waiter when `body` says so.
    func signal(_ body: (inout State) -> Bool) {
        if self.withLock(body) { pthread_cond_broadcast(self.condition) }
    }

    /// Waits until `body` gives a value, asking again after each signal.
    /// - Returns: nil when `timeout` has passed.
    @discardableResult
    func wait<Result>(timeout: Duration? = nil, _ body: (inout State) -> Result?) -> Result? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        var deadline = timeout.map(Self.deadline)
        while true {
            if let result = body(&self.state) { return result }
            guard deadline != nil else {
                pthread_cond_wait(self.condition, self.mutex)
                continue
            }
            if pthread_cond_timedwait(self.condition, self.mutex, &deadline!) == ETIMEDOUT { return body(&self.state) }
        }
    }

    private static func deadline(after timeout: Duration) -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let (seconds, attoseconds) = timeout.components
        let nanoseconds = now.tv_nsec + Int(attoseconds / 1_000_000_000)
        return timespec(
            tv_sec: now.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    }
}

/// A thread of its own for work that blocks in the kernel.
struct OSThread: Sendable {
    private let handle: pthread_t

    /// - Parameter body: all it captures is kept until it returns.
    init(named name: String, _ body: @escaping @Sendable () -> Void) throws(DiskFailure) {
        final class Box: Sendable {
            let name: String
            let body: @Sendable () -> Void
            init(_ name: String, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        let box = Unmanaged.passRetained(Box(name, body))
        var handle = pthread_t()
        let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            guard let argument else { return nil }
            let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
            Self.setName(box.name)
            box.body()
            return nil
        }
        let result = pthread_create(&handle, nil, start, box.toOpaque())
        guard result == 0 else {
            box.release()
            throw DiskFailure(.prepareDriver, errorNumber: result)
        }
        self.handle = handle
    }

    /// For `top` and debuggers alone, so it does not matter when it fails. The C library's own call is not visible here.
    private static func setName(_ name: String) {
        let descriptor = Glibc.open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, name, name.utf8.count)
        close(descriptor)
    }

    /// Once, and not from the thread itself.
    func join() { pthread_join(self.handle, nil) }
}
