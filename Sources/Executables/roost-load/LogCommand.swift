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

    func run() async throws {
        let options = self.options
        let plans = try await Preparation(endpoints: try LoadOptions.endpoints(options.servers))
            .plans(sockets: options.sockets, channels: options.channels)
        let load = try await LogLoad.start(
            plans, shards: ShardMap(shardCount: self.shards), peers: try LoadOptions.endpoints(self.peers),
            keyFile: self.clusterKeyFile, window: options.window,
            size: options.size, rate: options.rate)
        try await options.measure(
            begin: { try await load.beginMeasuring() }, finish: { try await load.finishMeasuring() },
            drain: { try await load.drain() })
        await load.stop()
    }
}
