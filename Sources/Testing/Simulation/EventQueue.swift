import HeapModule

/// Simulated time since the start of a run, in microseconds.
package struct VirtualTime: Hashable, Comparable, Sendable {
    package let microseconds: UInt64

    package init(microseconds: UInt64) { self.microseconds = microseconds }

    package static let zero = VirtualTime(microseconds: 0)
    package static func milliseconds(_ count: UInt64) -> VirtualTime { VirtualTime(microseconds: count * 1000) }
    package static func seconds(_ count: UInt64) -> VirtualTime { VirtualTime(microseconds: count * 1_000_000) }
    package static func + (left: VirtualTime, right: VirtualTime) -> VirtualTime {
        VirtualTime(microseconds: left.microseconds + right.microseconds)
    }
    package static func < (left: VirtualTime, right: VirtualTime) -> Bool { left.microseconds < right.microseconds }
}

extension VirtualTime: CustomStringConvertible {
    /// Seconds with three decimals: `12.034`.
    package var description: String {
        let milliseconds = self.microseconds / 1000
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}

/// What is to happen, by time, and among events of one time by the order in which they were scheduled.
package struct EventQueue<Event> {
    private struct Scheduled: Comparable {
        let time: VirtualTime
        let order: UInt64
        let event: Event

        static func < (left: Scheduled, right: Scheduled) -> Bool {
            (left.time, left.order) < (right.time, right.order)
        }
        static func == (left: Scheduled, right: Scheduled) -> Bool { left.order == right.order }
    }

    private var heap = Heap<Scheduled>()
    private var order: UInt64 = 0
    package private(set) var now = VirtualTime.zero

    package init() {}

    package var count: Int { self.heap.count }

    package mutating func schedule(_ event: Event, after delay: VirtualTime) {
        self.order += 1
        self.heap.insert(Scheduled(time: self.now + delay, order: self.order, event: event))
    }

    /// Takes the next event and moves the time to it.
    package mutating func next() -> Event? {
        guard let scheduled = self.heap.popMin() else { return nil }
        self.now = scheduled.time
        return scheduled.event
    }
}
