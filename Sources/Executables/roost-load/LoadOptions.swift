import ArgumentParser
import Foundation

/// What both ways of measuring are told, and how both measure: so that their figures mean the same.
struct LoadOptions: ParsableArguments {
    @Option(help: "Nodes' client ports, host:port, comma-separated; loopback only.")
    var servers = "127.0.0.1:8080,127.0.0.1:8081,127.0.0.1:8082"
    @Option(help: "Sockets, spread over the nodes; below the edge: lanes, each an author with channels of its own.")
    var sockets = 16
    @Option(help: "Sends in flight on each, at most.")
    var window = 64
    @Option(help: "Channels in all; with fewer than sockets they are shared.")
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

    static func endpoints(_ text: String) throws -> [Endpoint] {
        try text.split(separator: ",").map { item in
            guard let endpoint = Endpoint(String(item)) else {
                throw ValidationError("'\(item)' is no loopback address of the form host:port")
            }
            return endpoint
        }
    }

    /// Lets the load that runs warm up, measures it, and prints the figures.
    /// - Throws: `ExitCode(1)` when nothing was acknowledged.
    func measure(
        begin: () async throws -> Void, finish: () async throws -> LoadState.Result, drain: () async throws -> Int
    ) async throws {
        let processes = self.pids.split(separator: ",").compactMap { Int32($0) }
        try await Task.sleep(for: .seconds(self.warmup))
        let before = ProcessSample.take(processes)
        let ownBefore = ProcessSample.ownCPU()
        let began = ContinuousClock.now
        try await begin()
        try await Task.sleep(for: .seconds(self.duration))
        let result = try await finish()
        let took = (ContinuousClock.now - began) / .seconds(1)
        let after = ProcessSample.take(processes)
        let ownAfter = ProcessSample.ownCPU()
        let report = LoadReport(
            sockets: self.sockets, window: self.window, channels: self.channels, size: self.size, rate: self.rate,
            wallSeconds: took, result: result, unansweredAtTheEnd: try await drain(),
            serverCPUSeconds: after.cpu - before.cpu, serverRSSMegabytes: after.rssMegabytes,
            clientCPUSeconds: ownAfter - ownBefore)
        print(try report.json())
        if result.acked == 0 { throw ExitCode(1) }
    }
}
