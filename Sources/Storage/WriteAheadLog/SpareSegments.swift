import Glibc

/// Prepares segments ahead on a thread of its own, since 64 MiB of zeros take a tenth of a second or more, and clears
/// retired ones away, by recycling while a spare is wanted.
final class SpareSegments: SegmentSupply, Sendable {
    fileprivate struct State {
        var ready: Set<SegmentNumber>
        /// The next segment to prepare.
        var next: SegmentNumber
        /// Oldest first. One leaves the list only when its file is gone, so that the numbers on disk have no gap.
        var retired: [SegmentNumber] = []
        var failure: DiskFailure?
        /// How many preparations have ended, well or not.
        var attempts: UInt64 = 0
        var isRetryWanted = false
        var isStopping = false
    }

    private enum Work {
        case create(SegmentNumber)
        case recycle(SegmentNumber, as: SegmentNumber)
        case remove(SegmentNumber)
        case stop
    }

    private let disk: any LogDisk
    private let blockCount: Int
    private let state: Monitor<State>
    private let thread: OSThread

    /// - Parameters:
    ///   - next: the segment that will be taken next.
    ///   - ready: those that already stand ready, from `next` on.
    init(
        disk: any LogDisk, settings: WALSettings, next: SegmentNumber, ready: [SegmentNumber]
    ) throws(DiskFailure) {
        self.disk = disk
        self.blockCount = settings.segmentBlocks
        let state = Monitor(State(ready: Set(ready), next: ready.max()?.next() ?? next))
        self.state = state
        let (blockCount, wanted) = (settings.segmentBlocks, settings.spareSegments)
        self.thread = try OSThread(named: "wal-spares") {
            Self.run(state, disk: disk, blockCount: blockCount, wanted: wanted)
        }
    }

    /// Why the last preparation failed; nil when it did not. Any thread.
    var failure: DiskFailure? { self.state.withLock { $0.failure } }

    func take(_ number: SegmentNumber) throws(DiskFailure) {
        let before = self.state.withLock { $0.attempts }
        self.state.signal {
            $0.isRetryWanted = true
            return true
        }
        // One fresh attempt must have failed: the space may have come back since the last.
        let failure: DiskFailure?? = self.state.wait { state in
            if state.ready.remove(number) != nil { return .some(nil) }
            if let failure = state.failure, state.attempts > before { return .some(failure) }
            return nil
        }
        if let failure, let failure { throw failure }
        self.state.signal { _ in true }
    }

    func isReady(_ number: SegmentNumber) -> Bool { self.state.withLock { $0.ready.contains(number) } }

    func retire(_ number: SegmentNumber) {
        self.state.signal {
            $0.retired.append(number)
            return true
        }
    }

    /// Ends the thread after what it is doing. Once.
    func stop() {
        self.state.signal {
            $0.isStopping = true
            return true
        }
        self.thread.join()
    }

    private static func run(_ state: Monitor<State>, disk: any LogDisk, blockCount: Int, wanted: Int) {
        while true {
            // After a failure: again in a second, or at once when the log needs the segment now.
            let pause: Duration? = state.withLock { $0.failure == nil ? nil : .seconds(1) }
            state.wait(timeout: pause) { (state: inout State) -> Void? in
                state.isStopping || state.failure == nil || state.isRetryWanted ? () : nil
            }
            let work = state.wait { Self.nextWork(&$0, wanted: wanted) }
            do throws(DiskFailure) {
                switch work {
                case nil, .stop: return
                case .create(let number):
                    try disk.createSegment(number, blockCount: blockCount)
                    state.signal { $0.prepared(number) }
                case .recycle(let old, let number):
                    try disk.recycleSegment(old, as: number, blockCount: blockCount)
                    state.signal {
                        $0.retired.removeFirst()
                        return $0.prepared(number)
                    }
                case .remove(let old):
                    try Self.remove(old, from: disk)
                    state.signal {
                        $0.retired.removeFirst()
                        $0.failure = nil
                        return true
                    }
                }
            } catch {
                state.signal {
                    $0.failure = error
                    $0.attempts += 1
                    return true
                }
            }
        }
    }

    private static func nextWork(_ state: inout State, wanted: Int) -> Work? {
        if state.isStopping { return .stop }
        state.isRetryWanted = false
        // After a failed recycling it is unknown how far that got: clear the old one away instead.
        if let old = state.retired.first, state.failure != nil || state.ready.count >= wanted { return .remove(old) }
        guard state.ready.count < wanted else { return nil }
        if let old = state.retired.first { return .recycle(old, as: state.next) }
        return .create(state.next)
    }

    private static func remove(_ number: SegmentNumber, from disk: any LogDisk) throws(DiskFailure) {
        do throws(DiskFailure) {
            try disk.removeSegment(number)
        } catch {
            // A recycling that failed half-way has renamed it already.
            guard error.errorNumber == ENOENT else { throw error }
        }
    }
}

extension SpareSegments.State {
    fileprivate mutating func prepared(_ number: SegmentNumber) -> Bool {
        self.ready.insert(number)
        self.next = number.next()
        self.failure = nil
        self.attempts += 1
        return true
    }
}

/// Prepares each segment when it is taken. For disks without waiting, as in tests.
package final class InlineSegments: SegmentSupply {
    private let disk: any LogDisk
    private let blockCount: Int
    private var ready: Set<SegmentNumber>
    /// Removals that failed; the log is none the worse for an old segment more.
    package private(set) var failures: [DiskFailure] = []

    package init(disk: any LogDisk, settings: WALSettings, ready: [SegmentNumber]) {
        self.disk = disk
        self.blockCount = settings.segmentBlocks
        self.ready = Set(ready)
    }

    package func take(_ number: SegmentNumber) throws(DiskFailure) {
        if self.ready.remove(number) == nil { try self.disk.createSegment(number, blockCount: self.blockCount) }
    }

    package func isReady(_ number: SegmentNumber) -> Bool { true }

    package func retire(_ number: SegmentNumber) {
        do throws(DiskFailure) {
            try self.disk.removeSegment(number)
        } catch {
            self.failures.append(error)
        }
    }
}
