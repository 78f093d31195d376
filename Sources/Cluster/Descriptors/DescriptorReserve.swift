import Glibc
import Logging
import NIOCore
import Synchronization
import Telemetry

/// Watches how many file descriptors are free, and says who may still connect. One a process; thread-safe.
package final class DescriptorReserve: Sendable {
    private struct State {
        var spares: [CInt] = []
        var watching: RepeatedTask?
        var isShort = false
        /// The last listing, where the kernel does not tell the count, and what was accepted since.
        var listed: (open: Int, until: NIODeadline)?
    }

    /// How often the limit and the count are looked at without anybody connecting: the limit of a running process may be
    /// lowered from outside, and what the node opens by itself takes descriptors too.
    private static let interval = TimeAmount.milliseconds(20)

    private let state = Mutex(State())
    private let logger: Logger
    private let refusedClients: Counter
    private let refusedPeers: Counter

    package init(logger: Logger, metrics: Metrics = .shared) {
        self.logger = logger
        let help = "Connections that were not let in because few file descriptors were left."
        self.refusedClients = metrics.counter("roost_descriptors_refused_total", help, labels: ["port": "clients"])
        self.refusedPeers = metrics.counter("roost_descriptors_refused_total", help, labels: ["port": "peers"])
        metrics.reading("roost_descriptors_open", "File descriptors that the process has open.") {
            Double(self.count().open)
        }
        metrics.reading("roost_descriptors_limit", "File descriptors that the process may have open.") {
            Double(self.count().limit)
        }
    }

    // MARK: Life

    /// Raises the soft limit to the hard one, takes the spares and watches from now on.
    package func start(on loop: any EventLoop) {
        let raised = Self.raiseLimit()
        self.logger.info(
            "File descriptors", metadata: ["limit.before": "\(raised.before)", "limit": "\(raised.after)"])
        self.look()
        let watching = loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in self.look() }
        self.state.withLock { $0.watching = watching }
    }

    package func stop() {
        let (watching, spares) = self.state.withLock { state in
            defer {
                state.watching = nil
                state.spares = []
            }
            return (state.watching, state.spares)
        }
        watching?.cancel()
        for spare in spares { close(spare) }
    }

    // MARK: What it says

    package func admission(of use: DescriptorUse) -> DescriptorAdmission {
        DescriptorRule.admission(of: use, self.count())
    }

    /// An accepted connection has a descriptor, and keeps it.
    package func countAccepted() { self.state.withLock { $0.listed?.open += 1 } }

    package func countRefusal(of use: DescriptorUse) {
        switch use {
        case .clients: self.refusedClients.increment()
        case .peers: self.refusedPeers.increment()
        }
    }

    /// Since the start, on both ports.
    package var refusedCount: UInt64 { self.refusedClients.value + self.refusedPeers.value }

    // MARK: The spares

    /// Gives the spares up or takes them again, and tells whoever reads the log when it begins and ends to be short.
    private func look() {
        let count = self.count()
        let (wasShort, isShort, given) = self.state.withLock { state in
            let wasShort = state.isShort
            state.isShort = DescriptorRule.isShort(was: wasShort, count)
            let holds = !state.spares.isEmpty
            let given = holds && !DescriptorRule.holdsSpares(now: true, count)
            if given {
                for spare in state.spares { close(spare) }
                state.spares = []
            } else if !holds, DescriptorRule.holdsSpares(now: false, count) {
                state.spares = Self.takeSpares()
            }
            return (wasShort, state.isShort, given)
        }
        let facts: Logger.Metadata = ["descriptors.open": "\(count.open)", "descriptors.limit": "\(count.limit)"]
        if given { self.logger.warning("Out of file descriptors: the spare ones are given up", metadata: facts) }
        if isShort, !wasShort {
            self.logger.error("Few file descriptors are left: new connections are refused", metadata: facts)
        } else if wasShort, !isShort {
            self.logger.notice("Enough file descriptors are free again", metadata: facts)
        }
    }

    private static func takeSpares() -> [CInt] {
        var spares: [CInt] = []
        for _ in 0..<DescriptorRule.spares {
            let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { break }
            spares.append(descriptor)
        }
        return spares
    }

    // MARK: The kernel

    /// Any thread; a microsecond or two.
    package func count() -> DescriptorCount {
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        return DescriptorCount(open: self.openCount(), limit: Int(clamping: limits.rlim_cur))
    }

    /// Linux 6.2 and later tell the count as the size of a folder, without taking a descriptor. Before that the folder is
    /// listed, four times a second at most, and what is accepted in between is counted on top.
    private func openCount() -> Int {
        var facts = stat()
        if stat(Self.folder, &facts) == 0, facts.st_size > 0 { return Int(facts.st_size) }
        let now = NIODeadline.now()
        return self.state.withLock { state in
            if let listed = state.listed, now < listed.until { return listed.open }
            let open = Self.listedCount()
            state.listed = (open, now + .milliseconds(250))
            return open
        }
    }

    private static let folder = "/proc/self/fd"

    private static func listedCount() -> Int {
        // Where even this has no descriptor, none is free.
        guard let folder = opendir(Self.folder) else { return Int(Int32.max) }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without ".", ".." and the one that lists.
        return max(count - 3, 0)
    }

    private static func raiseLimit() -> (before: UInt64, after: UInt64) {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return (0, 0) }
        let before = UInt64(limits.rlim_cur)
        limits.rlim_cur = limits.rlim_max
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return (before, before) }
        return (before, UInt64(limits.rlim_cur))
    }
}
