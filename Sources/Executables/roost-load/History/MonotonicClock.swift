import Dispatch
import HistoryChecker

/// CLOCK_MONOTONIC in microseconds: one clock for every process of a run on one machine.
enum MonotonicClock {
    // Dispatch reads that clock on Linux. Not clock_gettime: under MemberImportVisibility it depends on what else is
    // compiled beside this file which module is held to show the members of its struct.
    static func now() -> Microseconds { Microseconds(DispatchTime.now().uptimeNanoseconds / 1_000) }
}
