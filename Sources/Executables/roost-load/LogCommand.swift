import ArgumentParser
import Foundation

/// `roost-load log`: the sends of `measure` below the edge, see ``LogLoad``; the same figures come out.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Measure sends through the log of a running cluster, in the peers' protocol.")

    @Option(help: "Nodes' client ports, host:port, comma-separated; loopback only. For making accounts and channels.")
    var servers = "127.0.0.1:8080,127.0.0.1:8081,127.0.0.1:8082"
    @Option(help: "Peer ports of the same nodes.")
    var peers: String
    @Option(help: "The cluster key: whoever speaks to peer ports has it.")
    var clusterKeyFile: String
    @Option(help: "Lanes, each an author with channels of its own.")
    var sockets = 16
    @Option(help: "Sends in flight on each lane, at most.")
    var window = 64
    @Option(help: "Channels in all; with fewer than lanes they are shared.")
    var channels = 1_000
    @Option(help: "Bytes of a text.")
    var size = 256
    @Option(help: "Sends a second in all, evenly spaced; 0: the next one when an answer arrives.")
    var rate = 0.0
    @Option(help: "Seconds before the measurement.")
    var warmup = 2.0
    @Option(help: "Seconds measured.")
    var duration = 8.0
    @Option(help: "Process ids of the servers, comma-separated, to take their CPU time and memory from /proc.")
    var pids = ""

    func validate() throws {
        guard (1...10_000).contains(self.sockets), (1...4_096).contains(self.window),
            (1...100_000).contains(self.channels), (32...16_384).contains(self.size), self.rate >= 0,
            self.duration > 0, self.warmup >= 0
        else { throw ValidationError("a figure is out of its range") }
    }

    func run() async throws {
        let plans = try await Preparation(endpoints: try Self.endpoints(self.servers))
            .plans(sockets: self.sockets, channels: self.channels)
        let processes = self.pids.split(separator: ",").compactMap { Int32($0) }
        let load = try await LogLoad.start(
            plans, peers: try Self.endpoints(self.peers), keyFile: self.clusterKeyFile, window: self.window,
            size: self.size, rate: self.rate)
        try await Task.sleep(for: .seconds(self.warmup))
        let before = ProcessSample.take(processes)
        let ownBefore = ProcessSample.ownCPU()
        let began = ContinuousClock.now
        try await load.beginMeasuring()
        try await Task.sleep(for: .seconds(self.duration))
        let result = try await load.finishMeasuring()
        let took = (ContinuousClock.now - began) / .seconds(1)
        let after = ProcessSample.take(processes)
        let ownAfter = ProcessSample.ownCPU()
        let report = LoadReport(
            sockets: self.sockets, window: self.window, channels: self.channels, size: self.size, rate: self.rate,
            wallSeconds: took, result: result, unansweredAtTheEnd: try await load.drain(),
            serverCPUSeconds: after.cpu - before.cpu, serverRSSMegabytes: after.rssMegabytes,
            clientCPUSeconds: ownAfter - ownBefore)
        print(try report.json())
        await load.stop()
        if result.acked == 0 { throw ExitCode(1) }
    }

    private static func endpoints(_ text: String) throws -> [Endpoint] {
        try text.split(separator: ",").map { item in
            guard let endpoint = Endpoint(String(item)) else {
                throw ValidationError("'\(item)' is no loopback address of the form host:port")
            }
            return endpoint
        }
    }
}
