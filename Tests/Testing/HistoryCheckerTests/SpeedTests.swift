import Foundation
import HistoryChecker
import Testing

// The figures of docs/verification.md. Off unless ROOST_CHECKER_OPS says how many messages to judge:
// ROOST_CHECKER_OPS=2000000 swift test -c release --disable-xctest --filter "The checker's speed"

@Suite struct `The checker's speed` {
    private static let count = ProcessInfo.processInfo.environment["ROOST_CHECKER_OPS"].flatMap { Int($0) } ?? 0

    @Test(.enabled(if: count > 0)) func `millions of operations are read and judged`() throws {
        let clock = ContinuousClock()
        var bytes: [UInt8] = []
        let records = clock.measure { bytes = Self.history(messages: Self.count, channels: 48) }
        print("wrote \(bytes.count >> 20) MiB in \(records)")
        var reader = HistoryReader()
        let reading = try clock.measure {
            try bytes.withUnsafeBufferPointer { try reader.read($0, name: "speed") }
        }
        let history = reader.history()
        var findings: Findings?
        let checking = clock.measure { findings = HistoryCheck.check(history) }
        let result = try #require(findings)
        #expect(result.isClean, "\(result.violations.prefix(3))")
        #expect(result.figures.acked == Self.count)
        let peak =
            try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            .split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
        print(
            "\(Self.count) messages, \(result.figures.deliveries) deliveries, \(result.figures.reads) reads: "
                + "read in \(reading), judged in \(checking), \(peak)")
    }

    /// Each message is delivered once; every tenth is followed by a read of 50.
    private static func history(messages: Int, channels: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        HistoryRecord.client(0, user: "usr").write(to: &bytes)
        for channel in 0..<channels {
            HistoryRecord.channel(channel, id: "chn_\(channel)", name: "c", shard: channel, isPrivate: false)
                .write(to: &bytes)
            HistoryRecord.delivery(at: 0, channel: channel, .began(after: 0), node: "n1").write(to: &bytes)
        }
        var logs = Array(repeating: [LogEntry](), count: channels)
        for number in 0..<messages {
            let channel = number % channels
            let key = MessageKey(client: 0, number: UInt32(number))
            let digest = TextDigest(rawValue: UInt64(number))
            let entry = LogEntry(seq: UInt64(logs[channel].count) + 1, .message(key, digest))
            logs[channel].append(entry)
            let time = Microseconds(number) * 300
            HistoryRecord.send(at: time, channel: channel, key, digest, node: "n1").write(to: &bytes)
            HistoryRecord.ack(at: time + 200, channel: channel, key, seq: entry.seq, shown: digest).write(to: &bytes)
            HistoryRecord.delivery(at: time + 220, channel: channel, .event(entry), node: "n1").write(to: &bytes)
            guard number % 10 == 0 else { continue }
            let read = Read(
                client: 0, node: "n2", begin: time + 230, end: time + 250, consistency: .linearizable,
                outcome: .entries(logs[channel].suffix(50), reachesHead: true))
            HistoryRecord.read(channel: channel, read).write(to: &bytes)
        }
        for channel in 0..<channels {
            for kind in [Read.Consistency.linearizable, .local] {
                HistoryRecord.logPage(
                    channel: channel,
                    FinalLog(
                        node: "n1", consistency: kind, isFull: kind == .linearizable, entries: logs[channel])
                ).write(to: &bytes)
                HistoryRecord.logEnd(channel: channel, node: "n1", kind, isFull: kind == .linearizable)
                    .write(to: &bytes)
            }
        }
        return bytes
    }
}
