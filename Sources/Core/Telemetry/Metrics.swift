import Synchronization

/// The process' instruments by name, and their Prometheus text.
///
/// Layers ask for an instrument once, keep it, and count on it without a lock:
///
///     private let appended = Metrics.shared.counter("roost_wal_appends_total", "Records appended to the log.")
package final class Metrics: Sendable {
    package static let shared = Metrics()

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        /// Asked when somebody looks; must be cheap and must not block.
        case reading(@Sendable () -> Double)

        var type: String {
            switch self {
            case .counter: "counter"
            case .gauge, .reading: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    /// What a gauge of several that are read together says.
    package struct Reading: Sendable {
        package let name: String
        package let help: String
        package let value: Double

        package init(_ name: String, _ help: String, _ value: Double) {
            self.name = name
            self.help = help
            self.value = value
        }
    }

    private struct State {
        var help: [String: String] = [:]
        var instruments: [MetricName: Instrument] = [:]
        var owners: [String: @Sendable () async -> [Reading]] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    // MARK: Instruments

    /// The counter of this name and these labels; asked again, the same.
    package func counter(
        _ name: String, _ help: String, labels: KeyValuePairs<String, String> = [:]
    ) -> Counter {
        let found = self.instrument(MetricName(name, labels), help) { .counter(Counter()) }
        guard case .counter(let counter) = found else { preconditionFailure("\(name) is no counter") }
        return counter
    }

    package func gauge(_ name: String, _ help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        let found = self.instrument(MetricName(name, labels), help) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = found else { preconditionFailure("\(name) is no gauge") }
        return gauge
    }

    package func histogram(
        _ name: String, _ help: String, labels: KeyValuePairs<String, String> = [:]
    ) -> Histogram {
        let found = self.instrument(MetricName(name, labels), help) { .histogram(Histogram()) }
        guard case .histogram(let histogram) = found else { preconditionFailure("\(name) is no histogram") }
        return histogram
    }

    /// A gauge that is read when somebody looks. The latest of one name replaces the one before.
    package func reading(
        _ name: String, _ help: String, labels: KeyValuePairs<String, String> = [:],
        _ read: @escaping @Sendable () -> Double
    ) {
        let name = MetricName(name, labels)
        self.state.withLock { state in
            state.help[name.name] = help
            state.instruments[name] = .reading(read)
        }
    }

    /// Gauges without labels that live where nobody else may look, say on an event loop: asked for together, once each time
    /// that somebody looks. The latest of one owner replace those before.
    package func readings(of owner: String, _ read: @escaping @Sendable () async -> [Reading]) {
        self.state.withLock { $0.owners[owner] = read }
    }

    private func instrument(_ name: MetricName, _ help: String, make: () -> Instrument) -> Instrument {
        self.state.withLock { state in
            if let present = state.instruments[name] { return present }
            let made = make()
            state.help[name.name] = help
            state.instruments[name] = made
            return made
        }
    }

    // MARK: Exposition

    /// Everything in the Prometheus text format 0.0.4, in the order of names.
    package func exposition() async -> String {
        var state = self.state.withLock { $0 }
        for (_, read) in state.owners.sorted(by: { $0.key < $1.key }) {
            for reading in await read() {
                state.help[reading.name] = reading.help
                state.instruments[MetricName(reading.name, [:])] = .reading { reading.value }
            }
        }
        var text = ""
        var family = ""
        for (name, instrument) in state.instruments.sorted(by: { $0.key < $1.key }) {
            if name.name != family {
                family = name.name
                text += "# HELP \(family) \(Self.escaped(state.help[family] ?? ""))\n"
                text += "# TYPE \(family) \(instrument.type)\n"
            }
            Self.append(instrument, name, to: &text)
        }
        return text
    }

    private static func append(_ instrument: Instrument, _ name: MetricName, to text: inout String) {
        switch instrument {
        case .counter(let counter): text += "\(name.name)\(Self.labels(name)) \(counter.value)\n"
        case .gauge(let gauge): text += "\(name.name)\(Self.labels(name)) \(gauge.value)\n"
        case .reading(let read): text += "\(name.name)\(Self.labels(name)) \(read())\n"
        case .histogram(let histogram): Self.append(histogram, name, to: &text)
        }
    }

    private static func append(_ histogram: Histogram, _ name: MetricName, to text: inout String) {
        let (counts, sumNanoseconds) = histogram.snapshot
        var total: UInt64 = 0
        for (bucket, count) in counts.enumerated() {
            total += count
            let bound = Histogram.boundMicroseconds(bucket).map { "\(Double($0) / 1e6)" } ?? "+Inf"
            text += "\(name.name)_bucket\(Self.labels(name, and: ("le", bound))) \(total)\n"
        }
        text += "\(name.name)_sum\(Self.labels(name)) \(Double(sumNanoseconds) / 1e9)\n"
        text += "\(name.name)_count\(Self.labels(name)) \(total)\n"
    }

    private static func labels(_ name: MetricName, and extra: (String, String)? = nil) -> String {
        var parts = name.labels.map { "\($0.key)=\"\(Self.escaped($0.value, quotes: true))\"" }
        if let extra { parts.append("\(extra.0)=\"\(extra.1)\"") }
        return parts.isEmpty ? "" : "{" + parts.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
