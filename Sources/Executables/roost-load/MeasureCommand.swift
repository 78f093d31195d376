import ArgumentParser
import Foundation
import NIOCore
import NIOPosix

/// `roost-load measure`: pushes messages through the full chat path and counts what is acknowledged.
///
/// N sockets, spread over the given nodes, keep M sends in flight each; every socket has an account of its own and
/// channels of its own, so that an ack costs one delivery and not N. It makes the accounts and the channels itself,
/// on a cluster whose registration is open, and prints one JSON object.
struct MeasureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Measure sends through a running cluster.")

    @Option(help: "Nodes, host:port, comma-separated; loopback only.")
    var servers = "127.0.0.1:8080,127.0.0.1:8081,127.0.0.1:8082"
    @Option(help: "Sockets, spread over the nodes.")
    var sockets = 16
    @Option(help: "Sends in flight on each socket, at most.")
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
            (1...100_000).contains(self.channels),
            (32...16_384).contains(self.size), self.rate >= 0, self.duration > 0, self.warmup >= 0
        else { throw ValidationError("a figure is out of its range") }
    }

    func run() async throws {
        let endpoints = try self.servers.split(separator: ",").map { text in
            guard let endpoint = Endpoint(String(text)) else {
                throw ValidationError("'\(text)' is no loopback address of the form host:port")
            }
            return endpoint
        }
        let processes = self.pids.split(separator: ",").compactMap { Int32($0) }
        let plans = try await Preparation(endpoints: endpoints).plans(sockets: self.sockets, channels: self.channels)

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let state = try await loop.submit {
            NIOLoopBound(LoadState(window: self.window, size: self.size, paced: self.rate > 0), eventLoop: loop)
        }.get()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for plan in plans { tasks.addTask { try await LoadSocket.open(plan, on: loop, state: state) } }
            try await tasks.waitForAll()
        }
        if self.rate > 0 {
            loop.execute { state.value.pace(rate: self.rate, on: loop) }
        } else {
            loop.execute { state.value.fillWindows() }
        }

        try await Task.sleep(for: .seconds(self.warmup))
        let before = ProcessSample.take(processes)
        let ownBefore = ProcessSample.ownCPU()
        let began = ContinuousClock.now
        loop.execute { state.value.isMeasuring = true }
        try await Task.sleep(for: .seconds(self.duration))
        let result = try await loop.submit { state.value.finishMeasuring() }.get()
        let took = (ContinuousClock.now - began) / .seconds(1)
        let after = ProcessSample.take(processes)
        let ownAfter = ProcessSample.ownCPU()

        let left = try await Self.drain(state, on: loop)
        let report = LoadReport(
            sockets: self.sockets, window: self.window, channels: self.channels, size: self.size, rate: self.rate,
            wallSeconds: took, result: result, unansweredAtTheEnd: left, serverCPUSeconds: after.cpu - before.cpu,
            serverRSSMegabytes: after.rssMegabytes, clientCPUSeconds: ownAfter - ownBefore)
        print(try report.json())
        try await group.shutdownGracefully()
        if result.acked == 0 { throw ExitCode(1) }
    }

    /// Waits up to 10 s for what is in flight.
    private static func drain(_ state: NIOLoopBound<LoadState>, on loop: any EventLoop) async throws -> Int {
        for _ in 0..<100 {
            let left = try await loop.submit { state.value.inFlight }.get()
            if left == 0 { return 0 }
            try await Task.sleep(for: .milliseconds(100))
        }
        return try await loop.submit { state.value.inFlight }.get()
    }
}
