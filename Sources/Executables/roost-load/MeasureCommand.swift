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

    @OptionGroup var options: LoadOptions

    func run() async throws {
        let options = self.options
        let plans = try await Preparation(endpoints: try LoadOptions.endpoints(options.servers))
            .plans(sockets: options.sockets, channels: options.channels)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let state = try await loop.submit {
            NIOLoopBound(
                LoadState(window: options.window, size: options.size, paced: options.rate > 0), eventLoop: loop)
        }.get()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for plan in plans { tasks.addTask { try await LoadSocket.open(plan, on: loop, state: state) } }
            try await tasks.waitForAll()
        }
        if options.rate > 0 {
            loop.execute { state.value.pace(rate: options.rate, on: loop) }
        } else {
            loop.execute { state.value.fillWindows() }
        }

        try await options.measure(
            begin: { loop.execute { state.value.isMeasuring = true } },
            finish: { try await loop.submit { state.value.finishMeasuring() }.get() },
            drain: { try await Self.drain(state, on: loop) })
        try await group.shutdownGracefully()
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
