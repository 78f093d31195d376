import Foundation

/// The figures of one run, as printed.
struct LoadReport {
    let sockets: Int
    let window: Int
    let channels: Int
    let size: Int
    let rate: Double
    let wallSeconds: Double
    let result: LoadState.Result
    let unansweredAtTheEnd: Int
    let serverCPUSeconds: Double
    let serverRSSMegabytes: Double
    let clientCPUSeconds: Double

    func json() throws -> String {
        func round(_ value: Double, _ digits: Double = 100) -> Double { (value * digits).rounded() / digits }
        func microseconds(_ share: Double) -> UInt64 { self.result.latencies.quantile(share) / 1_000 }
        var fields: [String: Any] = [
            "sockets": self.sockets, "window": self.window, "channels": self.channels, "size": self.size,
            "rate": self.rate, "wall_s": round(self.wallSeconds), "acked": self.result.acked,
            "acked_per_s": (Double(self.result.acked) / self.wallSeconds).rounded(), "refused": self.result.refused,
            "unanswered": self.unansweredAtTheEnd,
            "lat_us": [
                "p50": microseconds(0.5), "p99": microseconds(0.99), "max": self.result.latencies.maximum / 1_000,
            ],
            "srv_cores": round(self.serverCPUSeconds / self.wallSeconds),
            "srv_rss_mb": self.serverRSSMegabytes.rounded(),
            "cli_cores": round(self.clientCPUSeconds / self.wallSeconds),
        ]
        if self.result.acked > 0 {
            fields["srv_cpu_us_per_message"] = round(self.serverCPUSeconds * 1e6 / Double(self.result.acked))
        }
        if let refusal = self.result.firstRefusal { fields["first_refusal"] = refusal }
        let data = try JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }
}

/// CPU time and memory of processes, from /proc.
struct ProcessSample {
    /// Seconds, user and system.
    let cpu: Double
    let rssMegabytes: Double

    static func take(_ processes: [Int32]) -> ProcessSample {
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        var cpu = 0.0
        var pages = 0.0
        for process in processes {
            guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")")
            else { continue }
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            guard fields.count > 21 else { continue }
            cpu += ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / ticks
            pages += Double(fields[21]) ?? 0
        }
        return ProcessSample(cpu: cpu, rssMegabytes: pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576)
    }

    static func ownCPU() -> Double { Self.take([getpid()]).cpu }
}
