import CAllocations
import Foundation

/// Measures closures and prints one line of a Markdown table each.
///
/// A benchmark is run until a sample takes 50 ms at least, then seven samples are taken. Shown are the median and the
/// fastest of the times, the least CPU time, and the allocations of the last sample, each divided by the operations in it.
/// CPU time and allocations are the whole process's: threads that work beside the closure count, as they should. On a
/// machine that does other things too, the CPU time is the one to compare.
struct Harness {
    let filter: String?
    private static let samples = 7
    private static let sampleTime = Duration.milliseconds(50)

    init(filter: String?) {
        self.filter = filter
        print("| what | median | fastest | CPU | allocations |")
        print("| --- | ---: | ---: | ---: | ---: |")
    }

    /// - Parameters:
    ///   - operations: how many of the named thing one call of `body` does.
    ///   - body: called with the number of rounds it has to do.
    func measure(_ name: String, operations: Int = 1, _ body: (Int) throws -> Void) rethrows {
        guard self.filter.map({ name.contains($0) }) ?? true else { return }
        var rounds = 1
        while try ContinuousClock().measure({ try body(rounds) }) < Self.sampleTime, rounds < 1 << 28 { rounds *= 2 }
        var times: [Double] = []
        var processor: [Double] = []
        var allocations: UInt64 = 0
        for _ in 0..<Self.samples {
            let before = roost_allocations()
            let processorBefore = Self.processorNanoseconds()
            let time = try ContinuousClock().measure { try body(rounds) }
            processor.append((Self.processorNanoseconds() - processorBefore) / Double(rounds * operations))
            allocations = roost_allocations() - before
            times.append(time / .nanoseconds(1) / Double(rounds * operations))
        }
        times.sort()
        let perOperation = Double(allocations) / Double(rounds * operations)
        let cells = [
            name, Self.time(times[Self.samples / 2]), Self.time(times[0]), Self.time(processor.min() ?? 0),
            Self.rounded(perOperation),
        ]
        print("| " + cells.joined(separator: " | ") + " |")
    }

    /// User and system time of all threads.
    private static func processorNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    private static func time(_ nanoseconds: Double) -> String {
        nanoseconds < 10_000 ? "\(Self.rounded(nanoseconds)) ns" : "\(Self.rounded(nanoseconds / 1_000)) µs"
    }

    private static func rounded(_ value: Double) -> String {
        if value >= 100 { return "\(Int(value.rounded()))" }
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}

/// Keeps the optimiser from dropping what nobody looks at.
@inline(never)
func blackHole<Value>(_ value: borrowing Value) {}
