import ChatMachine
import ChatModel
import ClusterModel
import Projections

/// What a message costs its shard's file on each node that has it: the rows alone, and with the index of texts behind them.
///
/// Many messages to a sample, so that the merges of the index's segments are in it.
enum SearchBenchmarks {
    /// As many rows as a busy shard's transaction has, and as many messages as a node lets wait for the index.
    private static let (batch, waiting, messages) = (
        256, 1_024, 8_192
    )

    static func run(_ harness: Harness, folder: String) throws {
        for (name, channels, texts) in [
            ("words, one channel", 1, Texts.words), ("words, 20 channels", 20, .words),
            ("letters, 20 channels", 20, .letters),
        ] {
            for isIndexed in [false, true] {
                let what = isIndexed ? "rows and index" : "rows alone"
                let path = "\(folder)/search-\(channels)-\(texts)-\(isIndexed).sqlite"
                try self.measure(harness, "projection: \(what), \(name)", path, channels, texts, isIndexed)
            }
        }
    }

    private static func measure(
        _ harness: Harness, _ name: String, _ path: String, _ channels: Int, _ texts: Texts, _ isIndexed: Bool
    ) throws {
        let projection = try ShardProjection.open(path: path, shard: ShardID(1))
        let samples = texts.samples(4_096)
        var index: UInt64 = 0
        try harness.measure(name, operations: self.messages) { rounds in
            for _ in 0..<rounds * self.messages / self.batch {
                let rows = (0..<self.batch).map { _ -> RowChange in
                    index += 1
                    // Runs of a channel's messages, as a turn brings them.
                    let channel = Samples.channel(Int(index / 16) % channels)
                    let seq = index / UInt64(16 * channels) * 16 + index % 16 + 1
                    let text = samples[Int(index) % samples.count]
                    let content = MessageContent(
                        text: texts == .letters ? "\(index)\(text)" : text, clientID: nil, thread: nil)
                    let event = DurableEvent(
                        channel: channel, seq: seq,
                        at: Timestamp(milliseconds: 1_760_000_000_000 + Int64(index / 20)), actor: Samples.user,
                        body: .messageCreated(content))
                    return .event(event, idempotency: StoredKey(high: index, low: 1, fingerprint: 2))
                }
                try projection.write(rows, appliedIndex: LogIndex(index), stateHash: 0)
                guard isIndexed, projection.indexLag.rows >= self.waiting else { continue }
                while try projection.index() {}
            }
        }
        try projection.close()
    }
}

enum Texts {
    /// 40 of 5,000, some more often than others.
    case words
    /// One of some 256 letters, which no other message has.
    case letters

    func samples(_ count: Int) -> [String] {
        var random = SplitMix(seed: 14)
        let zipf = Zipf(count: 5_000)
        return (0..<count).map { _ in
            switch self {
            case .words: (0..<40).map { _ in "w" + String(zipf.next(&random), radix: 36) }.joined(separator: " ")
            case .letters: String(decoding: (0..<248).map { _ in UInt8(97 + random.next() % 26) }, as: UTF8.self)
            }
        }
    }
}

/// Numbers from zero, each as likely as one by itself and one more.
struct Zipf {
    private let sums: [Double]

    init(count: Int) {
        var sum = 0.0
        self.sums = (1...count).map {
            sum += 1 / Double($0); return sum
        }
    }

    func next(_ random: inout SplitMix) -> Int {
        let wanted = Double(random.next() >> 11) / Double(1 << 53) * (self.sums.last ?? 0)
        var (low, high) = (0, self.sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if self.sums[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same texts in every run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var bits = self.state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}
