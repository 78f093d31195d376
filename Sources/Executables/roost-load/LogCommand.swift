import ArgumentParser
import Foundation
import Placement

/// `roost-load log`: the sends of `measure` below the edge, see ``LogLoad``; the same figures come out.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Measure sends through the log of a running cluster, in the peers' protocol.")

    @OptionGroup var options: LoadOptions
    @Option(help: "Peer ports of the same nodes.")
    var peers: String
    @Option(help: "The cluster key: whoever speaks to peer ports has it.")
    var clusterKeyFile: String
    @Option(help: "Shards that the cluster was founded with.")
    var shards = ShardMap.defaultShardCount
    @Option(help: "Send so many messages and end, instead of measuring for a time.")
    var count: Int?
    @Option(help: "Different words that texts are made of; 0: one long word.")
    var words = 0

    func validate() throws {
        guard (1...1_000_000_000).contains(self.count ?? 1), (0...1_000_000).contains(self.words) else {
            throw ValidationError("a figure is out of its range")
        }
    }

    func run() async throws {
        let options = self.options
        let plans = try await Preparation(endpoints: try LoadOptions.endpoints(options.servers))
            .plans(sockets: options.sockets, channels: options.channels)
        let load = try await LogLoad.start(
            plans, shards: ShardMap(shardCount: self.shards), peers: try LoadOptions.endpoints(self.peers),
            keyFile: self.clusterKeyFile, window: options.window,
            texts: LoadTexts(size: options.size, words: self.words), rate: options.rate, count: self.count ?? .max)
        if let count = self.count {
            let began = ContinuousClock.now
            try await load.beginMeasuring()
            try await load.finishCount()
            let result = try await load.finishMeasuring()
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            print(#"{"count":\#(count),"acked":\#(result.acked),"refused":\#(result.refused),"seconds":\#(seconds)}"#)
            await load.stop()
            return
        }
        try await options.measure(
            begin: { try await load.beginMeasuring() }, finish: { try await load.finishMeasuring() },
            drain: { try await load.drain() })
        await load.stop()
    }
}
