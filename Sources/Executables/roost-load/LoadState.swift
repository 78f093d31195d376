import NIOCore

/// What all sockets of a run share. Confined to the one event loop of the run.
final class LoadState {
    struct Result: Sendable {
        var acked = 0
        var refused = 0
        var firstRefusal: String?
        var latencies = LatencyHistogram()
    }

    let window: Int
    let size: Int
    /// Sends are due by the clock; else by the answers.
    let paced: Bool
    var isMeasuring = false
    private var isSending = true
    private var result = Result()
    private(set) var inFlight = 0
    private var sockets: [LoadSocket] = []
    private var nextSocket = 0
    private var sendsDue = 0.0
    private var lastPaced: NIODeadline?

    init(window: Int, size: Int, paced: Bool) {
        self.window = window
        self.size = size
        self.paced = paced
    }

    func add(_ socket: LoadSocket) { self.sockets.append(socket) }

    func signIn() {
        for socket in self.sockets { socket.signIn() }
    }

    func fillWindows() {
        for socket in self.sockets {
            for _ in 0..<self.window { self.start(on: socket, dueAt: .now()) }
            socket.flush()
        }
    }

    func answered(on socket: LoadSocket, after latency: TimeAmount, refusal: String?) {
        self.inFlight -= 1
        if self.isMeasuring {
            if let refusal {
                self.result.refused += 1
                if self.result.firstRefusal == nil { self.result.firstRefusal = refusal }
            } else {
                self.result.acked += 1
                self.result.latencies.add(nanoseconds: UInt64(max(latency.nanoseconds, 0)))
            }
        }
        if !self.paced { self.start(on: socket, dueAt: .now()) }
    }

    private func start(on socket: LoadSocket, dueAt due: NIODeadline) {
        guard self.isSending else { return }
        self.inFlight += 1
        socket.send(dueAt: due)
    }

    /// Sends what is due every millisecond. What finds every window full stays due and its wait counts.
    func pace(rate: Double, on loop: any EventLoop) {
        let now = NIODeadline.now()
        self.sendsDue += rate * Double((now - (self.lastPaced ?? now)).nanoseconds) / 1e9
        self.lastPaced = now
        while self.sendsDue >= 1, let socket = self.nextFree() {
            self.start(on: socket, dueAt: now - .nanoseconds(Int64((self.sendsDue - 1) / rate * 1e9)))
            socket.flush()
            self.sendsDue -= 1
        }
        guard self.isSending else { return }
        loop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { self.pace(rate: rate, on: loop) }
    }

    private func nextFree() -> LoadSocket? {
        for _ in self.sockets.indices {
            self.nextSocket = (self.nextSocket + 1) % self.sockets.count
            if self.sockets[self.nextSocket].inFlight < self.window { return self.sockets[self.nextSocket] }
        }
        return nil
    }

    func finishMeasuring() -> Result {
        self.isMeasuring = false
        self.isSending = false
        return self.result
    }
}

/// Latencies in buckets a sixteenth of a power of two wide: at most 6 % off, in constant memory.
struct LatencyHistogram: Sendable {
    private var counts = [Int](repeating: 0, count: 64 * 16)
    private(set) var total = 0
    private(set) var maximum: UInt64 = 0

    mutating func add(nanoseconds: UInt64) {
        self.counts[Self.bucket(nanoseconds)] += 1
        self.total += 1
        self.maximum = max(self.maximum, nanoseconds)
    }

    /// The upper bound, in nanoseconds, of the bucket in which the share (0...1) of all values is reached.
    func quantile(_ share: Double) -> UInt64 {
        guard self.total > 0 else { return 0 }
        let rank = Int((Double(self.total) * share).rounded(.up))
        var seen = 0
        for (bucket, count) in self.counts.enumerated() {
            seen += count
            if seen >= max(rank, 1) { return min(Self.upperBound(bucket), self.maximum) }
        }
        return self.maximum
    }

    private static func bucket(_ value: UInt64) -> Int {
        guard value >= 16 else { return Int(value) }
        let power = 63 - value.leadingZeroBitCount
        return power * 16 + Int(value >> UInt64(power - 4)) - 16
    }

    private static func upperBound(_ bucket: Int) -> UInt64 {
        guard bucket >= 64 else { return UInt64(bucket) }
        let power = UInt64(bucket / 16)
        return (UInt64(bucket % 16) + 17) << (power - 4)
    }
}
