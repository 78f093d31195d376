import HistoryChecker

#if canImport(Glibc)
    import Glibc
#endif

/// CLOCK_MONOTONIC in microseconds: one clock for every process of a run on one machine.
enum MonotonicClock {
    static func now() -> Microseconds {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Microseconds(time.tv_sec) * 1_000_000 + Microseconds(time.tv_nsec) / 1_000
    }
}
