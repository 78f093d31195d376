import ArgumentParser
import AsyncHTTPClient
import ChaosReport
import Dispatch
import Foundation
import HistoryChecker
import NIOCore
import NIOPosix
import Placement
import Synchronization

/// `roost-load history`: clients that write down everything they do and see, for `check` to judge.
///
/// It prints one line a second, `t=… acked=… refused=… unknown=… waiting=… live=…`, after a line `load began t_us=…`.
/// SIGINT and SIGTERM end the sending early; the books are closed in any case. Exit status 1 where the history is not
/// whole.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Send, receive and read through a cluster, and write down all of it.",
        discussion: "The cluster must let anybody register, without rate limits.")

    @Option(help: "Nodes, [name=]host:port, comma-separated; loopback or private addresses.")
    var servers = "127.0.0.1:8080,127.0.0.1:8081,127.0.0.1:8082"
    @Option(help: "Clients, each with an account and a socket, spread over the nodes.")
    var clients = 24
    @Option(help: "Channels in all.")
    var channels = 48
    @Option(
        name: .customLong("private"), help: "How many of them are private, with a guest who is put out and comes back.")
    var privateChannels = 6
    @Option(help: "Members of a channel: a message is delivered to so many.")
    var members = 3
    @Option(help: "Messages a second in all.")
    var rate = 500.0
    @Option(help: "Bytes of a text.")
    var size = 64
    @Option(help: "Messages without a verdict a client has at most.")
    var window = 64
    @Option(help: "Reads a second in all.")
    var reads = 20.0
    @Option(help: "Channels beside those in which messages are edited, deleted and reacted to and members are named.")
    var lively = 4
    @Option(help: "Such changes a second in all.")
    var changes = 40.0
    @Option(help: "Seconds of sending.")
    var seconds = 30.0
    @Option(help: "Seconds afterwards for open verdicts, for deliveries, and for the final logs; each.")
    var settle = 30.0
    @Option(help: "Where the run is written; must have no history yet. Default: chaos/<UTC time>-<name>.")
    var out: String?
    @Option(help: "What the run is called.")
    var name = "history"

    /// Of a lively channel.
    private static let livelyMembers = 5

    func validate() throws {
        guard (1...2_000).contains(self.clients), (1...10_000).contains(self.channels),
            (0...self.channels).contains(self.privateChannels), (1...200).contains(self.members), self.rate > 0,
            (16...8_192).contains(self.size), (1...200).contains(self.window), self.reads >= 0, self.seconds > 0,
            self.settle > 0, (0...100).contains(self.lively), self.changes >= 0
        else { throw ValidationError("a figure is out of its range") }
    }

    func run() async throws {
        let endpoints = try Endpoint.list(self.servers)
        let folder =
            self.out.map { RunFolder(URL(filePath: $0, directoryHint: .isDirectory)) } ?? .fresh(named: self.name)
        try folder.prepare()
        let started = Date()
        let rest = RestCalls()
        let setting = HistorySetting(rest: rest, endpoints: endpoints)
        let (accounts, isAdmin) = try await setting.accounts(self.clients)
        let watch = isAdmin ? accounts.first.map { ClusterWatch(rest: rest, token: $0.token) } : nil
        if watch == nil { say("the first account is no admin's: leaders are not watched") }
        let shards = await watch?.shardCount(at: endpoints) ?? ShardMap.defaultShardCount
        let (channels, changes) = try await setting.channels(
            self.channels, privateCount: self.privateChannels, width: self.members, accounts: accounts, shards: shards)
        say("\(accounts.count) accounts and \(channels.count) channels are made")

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let settings = HistorySettings(rate: self.rate, size: self.size, window: self.window)
        let run = try await loop.submit {
            let run = HistoryRun(loop: loop, endpoints: endpoints, settings: settings)
            let files = try accounts.indices.map { index in
                let number = String(repeating: "0", count: max(0, 4 - "\(index)".count)) + "\(index)"
                return try HistoryFile(path: folder.history.appending(path: "client-\(number).jsonl").path)
            }
            run.add(accounts, files: files)
            run.add(channels)
            for (channel, change) in changes {
                run.clients[channels[channel].members[0]].file.append(.change(channel: channel, change))
            }
            run.begin()
            return NIOLoopBound(run, eventLoop: loop)
        }.get()
        let readers = HistoryReaders(rest: rest, endpoints: endpoints, channels: channels, run: run, loop: loop)
        let rooms = try await setting.livelyRooms(
            self.lively, width: Self.livelyMembers, accounts: accounts, run: readers)
        let lively = LivelyLoad(readers: readers, rooms: rooms, names: accounts.indices.map(setting.username))
        try await self.waitForClients(readers)

        let sent = try await self.send(readers, lively, watch: watch, setting: setting)
        try self.describe(folder, endpoints, started: started, sent)
        try await self.settle(readers, lively)

        let (failure, counters) = try await readers.onLoop { run in
            run.end()
            return (run.failure, run.counters)
        }
        say(
            "acked \(counters.acked), refused \(counters.refused), denied \(counters.denied), "
                + "unknown \(counters.unknown), delivered \(counters.delivered), reads \(counters.reads), "
                + "changes \(counters.changes), of unknown outcome \(counters.openChanges), "
                + "cores \((sent.cpu * 1e8 / Double(sent.end - sent.begin)).rounded() / 100)")
        say("history in \(folder.root.path)")
        try await rest.client.shutdown()
        if let failure {
            say("the history is not whole: \(failure)")
            throw ExitCode(1)
        }
    }

    private func waitForClients(_ readers: HistoryReaders) async throws {
        for _ in 0..<200 {
            if try await readers.onLoop({ $0.liveClients == $0.clients.count }) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw RestCalls.Failure(description: "not all clients were signed in after 20 s")
    }

    // MARK: Sending

    /// When was sent, and the CPU seconds that this process took for it.
    private struct Sent {
        let begin: Microseconds
        let end: Microseconds
        let cpu: Double
    }

    private func send(
        _ readers: HistoryReaders, _ lively: LivelyLoad, watch: ClusterWatch?, setting: HistorySetting
    ) async throws -> Sent {
        let cpu = ProcessSample.ownCPU()
        let begin = MonotonicClock.now()
        say("load began t_us=\(begin)")
        let interrupted = Interruption()
        try await readers.onLoop { $0.startSending() }
        let background = [
            Task { await self.renewTokens(setting, readers) },
            Task { if let watch { await self.watchLeaders(watch, readers) } },
        ]
        let sent = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await readers.readWhileSending(rate: self.reads) }
            tasks.addTask { await lively.run(rate: self.changes) }
            for channel in 0..<self.privateChannels {
                tasks.addTask { await readers.entertainGuest(of: channel) }
            }
            try await self.report(readers, since: begin) { interrupted.has }
            try await readers.onLoop { $0.stopSending() }
            let sent = Sent(begin: begin, end: MonotonicClock.now(), cpu: ProcessSample.ownCPU() - cpu)
            say("load ended t_us=\(sent.end)")
            // Whoever is put out is let in again: each guest finishes its round.
            try await tasks.waitForAll()
            return sent
        }
        for task in background { task.cancel() }
        for task in background { await task.value }
        return sent
    }

    /// A line a second, until the time is over, somebody interrupts, or the history can not be written.
    private func report(
        _ readers: HistoryReaders, since begin: Microseconds, isInterrupted: () -> Bool
    ) async throws {
        var second = 1.0
        while !isInterrupted(), second <= self.seconds.rounded(.up) {
            let next = begin + Microseconds(min(second, self.seconds) * 1e6)
            try await Task.sleep(for: .microseconds(max(next - MonotonicClock.now(), 0)))
            let (line, hasFailed) = try await readers.onLoop { run in
                (Self.progress(run, at: MonotonicClock.now() - begin), run.failure != nil)
            }
            say(line)
            if hasFailed { return }
            second += 1
        }
    }

    private static func progress(_ run: HistoryRun, at time: Microseconds) -> String {
        let seconds = (Double(time) / 1e5).rounded() / 10
        let counters = run.counters
        return "t=\(seconds) acked=\(counters.acked) refused=\(counters.refused) unknown=\(counters.unknown) "
            + "waiting=\(run.unsettled) live=\(run.liveClients)"
    }

    /// Every node's belief about leaders, once a second and node; only what is new is written down.
    private func watchLeaders(_ watch: ClusterWatch, _ readers: HistoryReaders) async {
        var seen: Set<NodeEvent> = []
        while !Task.isCancelled {
            for endpoint in readers.endpoints {
                for event in await watch.leaders(at: endpoint) ?? [] where seen.insert(event).inserted {
                    readers.write(.node(event), of: 0)
                }
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Access tokens last 15 minutes; these are renewed after eight.
    private func renewTokens(_ setting: HistorySetting, _ readers: HistoryReaders) async {
        while true {
            do { try await Task.sleep(for: .seconds(480)) } catch { return }
            let count = (try? await readers.onLoop { $0.clients.count }) ?? 0
            for index in 0..<count {
                guard let account = try? await readers.onLoop({ $0.clients[index].account }),
                    let renewed = try? await setting.renewed(account, first: index)
                else { continue }
                _ = try? await readers.onLoop { $0.clients[index].renew(renewed) }
            }
        }
    }

    // MARK: Closing the books

    /// Each message is read four times at the end; more than this is done on two cores that the nodes share.
    private static let finalReadsPerSecond = 4_000.0

    private func settle(_ readers: HistoryReaders, _ lively: LivelyLoad) async throws {
        let deadline = ContinuousClock.now + .seconds(self.settle)
        var left = try await readers.onLoop { $0.unsettled }
        while left > 0, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(100))
            left = try await readers.onLoop { $0.unsettled }
        }
        say(left == 0 ? "every send has its verdict" : "\(left) sends have no verdict and are given up")
        try await readers.endStreams(within: .seconds(self.settle))
        let acked = try await readers.onLoop { $0.counters.acked }
        try await readers.readFinalLogs(within: .seconds(self.settle + Double(acked) / Self.finalReadsPerSecond))
        try await readers.readDerived()
        // Every thread is asked for by every member, twice at each node.
        try await lively.readFinally(within: .seconds(6 * self.settle))
    }

    private func describe(
        _ folder: RunFolder, _ endpoints: [Endpoint], started: Date, _ sent: Sent
    ) throws {
        let description = RunDescription(
            name: self.name, startedAt: started.ISO8601Format(),
            servers: endpoints.map { "\($0.name)=\($0.host):\($0.port)" }, clients: self.clients,
            channels: self.channels, rate: self.rate, loadBegin: sent.begin, loadEnd: sent.end,
            clientCPUSeconds: sent.cpu)
        try description.write(to: folder)
    }
}

/// SIGINT and SIGTERM as a flag.
private final class Interruption {
    private final class Flag: Sendable {
        private let value = Mutex(false)
        func set() { self.value.withLock { $0 = true } }
        var isSet: Bool { self.value.withLock { $0 } }
    }

    private let sources: [any DispatchSourceSignal]
    private let flag: Flag

    init() {
        let flag = Flag()
        self.flag = flag
        self.sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { flag.set() }
            source.resume()
            return source
        }
    }

    var has: Bool { self.flag.isSet }
}

/// A line to whoever watches, at once: a pipe would keep it.
func say(_ line: String) {
    print(line)
    fflush(nil)
}
