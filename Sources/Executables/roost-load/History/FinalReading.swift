import HistoryChecker
import NIOCore
import NIOHTTP1

// The end of a run: every channel's whole log, from every node, when nothing is sent any more.

extension HistoryReaders {
    /// Reads the logs and writes them down. What can not be read within the limit is written down as missing.
    func readFinalLogs(within limit: Duration) async throws {
        let deadline = ContinuousClock.now + limit
        let all = self.channels.indices
        _ = try await concurrently(all.count, atOnce: 8) { channel in
            // A log that grows while it is read shows a message that had no verdict yet: all is read again.
            for _ in 0..<4 {
                guard let judge = await self.judge(channel, until: deadline) else {
                    let record = HistoryRecord.logMissing(
                        channel: channel, node: "any node", reason: "no full log within the limit")
                    self.write(record, of: 0)
                    return
                }
                let replicas = await self.replicas(of: channel, upTo: judge, until: deadline)
                let isSteady =
                    await self.judge(channel, behind: judge.last?.seq ?? 0, until: deadline)?.isEmpty ?? false
                guard isSteady || ContinuousClock.now > deadline else { continue }
                self.write(judge, of: channel, node: "leader", .linearizable, isFull: true)
                for (endpoint, outcome) in zip(self.endpoints, replicas) {
                    switch outcome {
                    case .success(let entries):
                        self.write(entries, of: channel, node: endpoint.name, .local, isFull: false)
                    case .failure(let failure):
                        self.write(
                            .logMissing(channel: channel, node: endpoint.name, reason: failure.description), of: 0)
                    }
                }
                return
            }
        }
    }

    private func write(
        _ entries: [LogEntry], of channel: Int, node: String, _ consistency: Read.Consistency, isFull: Bool
    ) {
        var rest = entries[...]
        while !rest.isEmpty {
            let page = FinalLog(
                node: node, consistency: consistency, isFull: isFull, entries: Array(rest.prefix(500)))
            self.write(.logPage(channel: channel, page), of: 0)
            rest = rest.dropFirst(500)
        }
        self.write(.logEnd(channel: channel, node: node, consistency, isFull: isFull), of: 0)
    }

    /// The log behind a seq by linearizable reads over the owner's socket: every kind of event is in it.
    private func judge(
        _ channel: Int, behind first: UInt64 = 0, until deadline: ContinuousClock.Instant
    ) async -> [LogEntry]? {
        let owner = self.channels[channel].members[0]
        var entries: [LogEntry] = []
        while ContinuousClock.now < deadline {
            let after = entries.last?.seq ?? first
            do {
                let run = self.run
                let frame = try await self.loop.flatSubmit { run.value.clients[owner].fetch(channel, after: after) }
                    .get()
                let page = frame.withUnsafeReadableBytes { FrameScan($0).events() }
                guard let page else {
                    try await self.onLoop { $0.stop(because: "an answer to fetch was not understood") }
                    return nil
                }
                if page.isEmpty { return entries }
                entries += try await self.onLoop { run in page.map { run.entry($0) } }
            } catch {
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        return nil
    }

    /// Every node's own messages. A replica that is behind is given until the deadline; one that still answered with
    /// more then was not read to its end.
    private func replicas(
        of channel: Int, upTo judge: [LogEntry], until deadline: ContinuousClock.Instant
    ) async -> [Result<[LogEntry], RestCalls.Failure>] {
        let last = judge.last { $0.isMessage }?.seq ?? 0
        var results: [Result<[LogEntry], RestCalls.Failure>] = []
        for endpoint in self.endpoints {
            var entries: [LogEntry] = []
            var failure = RestCalls.Failure(description: "no time")
            var isAtEnd = false
            while ContinuousClock.now < deadline, entries.last?.seq ?? 0 < last || !isAtEnd {
                do {
                    let page = try await self.page(channel, after: entries.last?.seq ?? 0, at: endpoint)
                    entries += page
                    isAtEnd = page.isEmpty || entries.last?.seq ?? 0 >= last
                    if page.isEmpty, entries.last?.seq ?? 0 < last { try await Task.sleep(for: .milliseconds(300)) }
                } catch {
                    failure = RestCalls.Failure(description: "\(error)")
                    isAtEnd = false
                    try? await Task.sleep(for: .milliseconds(300))
                }
            }
            results.append(isAtEnd ? .success(entries) : .failure(failure))
        }
        return results
    }

    private func page(_ channel: Int, after: UInt64, at endpoint: Endpoint) async throws -> [LogEntry] {
        let owner = self.channels[channel].members[0]
        let token = try await self.onLoop { $0.clients[owner].account.token }
        let path = Self.path(self.channels[channel].id, "after=\(after)&limit=200", .local)
        let answer = try await self.rest.ask(.GET, path, at: endpoint, token: token, limit: .seconds(10))
        guard answer.isOK else {
            throw RestCalls.Failure(description: "\(answer.status) \(answer.code)")
        }
        return try self.entries(answer)
    }

    // MARK: Streams, sidebars, members

    /// Waits until every connected member was given its channels' last events, and closes the books on streams.
    func endStreams(within limit: Duration) async throws {
        let deadline = ContinuousClock.now + limit
        let known = try await self.onLoop { run in
            run.channels.indices.map { channel in run.clients.compactMap { $0.last[channel] }.max() ?? 0 }
        }
        let heads = try await concurrently(self.channels.count, atOnce: 8) { channel in
            await self.judge(channel, behind: known[channel], until: deadline)?.last?.seq ?? known[channel]
        }
        while ContinuousClock.now < deadline {
            let isBehind = try await self.onLoop { run in
                run.clients.contains { client in
                    !client.isLive || client.last.contains { channel, seq in seq < heads[channel] }
                }
            }
            if !isBehind { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        try await self.onLoop { run in
            for client in run.clients where client.isLive {
                for (channel, seq) in client.last.sorted(by: { $0.key < $1.key }) {
                    client.record(channel, .ended(last: seq))
                }
            }
        }
    }

    /// What is derived from the logs: each client's sidebar and each channel's members, at every node.
    func readDerived() async throws {
        let accounts = try await self.onLoop { $0.clients.map(\.account) }
        let nodes = self.endpoints.count
        _ = try await concurrently(accounts.count * nodes, atOnce: 8) { index in
            let (client, node) = (index / nodes, self.endpoints[index % nodes])
            guard
                let answer = try? await self.rest.ask(
                    .GET, "/v1/users/me/channels?limit=200", at: node, token: accounts[client].token,
                    limit: .seconds(10)), answer.isOK
            else { return }
            let rows = answer.body.withUnsafeReadableBytes { FrameScan($0).channels() }
            let numbers = try await self.onLoop { $0.channelNumbers }
            for row in rows {
                guard let channel = numbers[row.id] else { continue }
                let sidebar = SidebarRow(
                    client: UInt32(client), node: node.name, head: row.seq, readSeq: row.readSeq, unread: row.unread,
                    mentions: row.mentions)
                self.write(.sidebar(channel: channel, sidebar), of: client)
            }
        }
        let users = Dictionary(uniqueKeysWithValues: accounts.enumerated().map { ($1.user, UInt32($0)) })
        _ = try await concurrently(self.channels.count * nodes, atOnce: 8) { index in
            let (channel, node) = (index / nodes, self.endpoints[index % nodes])
            let owner = self.channels[channel].members[0]
            guard
                let answer = try? await self.rest.ask(
                    .GET, "/v1/channels/\(self.channels[channel].id)/members?limit=200", at: node,
                    token: accounts[owner].token, limit: .seconds(10)), answer.isOK
            else { return }
            let ids = answer.body.withUnsafeReadableBytes { FrameScan($0).strings("\"user_id\":\"") }
            let clients = Set(ids.map { users[$0] ?? .max })
            self.write(.members(channel: channel, MemberList(node: node.name, clients: clients)), of: owner)
        }
    }
}
