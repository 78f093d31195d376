import HistoryChecker
import NIOCore
import NIOHTTP1

/// The part of a run that speaks REST beside the sockets: reads of all three kinds, guests who are put out and
/// come back, and the final logs.
///
/// Its requests run wherever the HTTP client likes; whatever they find is written down on the run's event loop.
struct HistoryReaders: Sendable {
    let rest: RestCalls
    let endpoints: [Endpoint]
    let channels: [HistoryChannel]
    let run: NIOLoopBound<HistoryRun>
    let loop: any EventLoop

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (HistoryRun) throws -> Value) async throws -> Value {
        let run = self.run
        return try await self.loop.submit { try body(run.value) }.get()
    }

    func write(_ record: HistoryRecord, of client: Int) {
        let run = self.run
        self.loop.execute { run.value.clients[client].file.append(record) }
    }

    private func account(_ client: Int) async throws -> HistoryAccount {
        try await self.onLoop { $0.clients[client].account }
    }

    // MARK: Reads

    private var isSending: Bool {
        get async { (try? await self.onLoop { $0.isSending }) ?? false }
    }

    /// So many reads a second, evenly spaced, while the run sends. A slow answer delays nothing.
    func readWhileSending(rate: Double) async {
        guard rate > 0 else { return }
        await withDiscardingTaskGroup { tasks in
            while await self.isSending {
                try? await Task.sleep(for: .microseconds(Int(1e6 / rate)))
                guard let channel = self.channels.indices.randomElement() else { return }
                let members = self.channels[channel].members
                // Guests read where they are watched.
                let readers = self.channels[channel].isPrivate ? members.dropLast() : members[...]
                guard let reader = readers.randomElement() else { continue }
                let kinds: [Read.Consistency] = [.linearizable, .linearizable, .session, .local]
                let kind = kinds.randomElement() ?? .linearizable
                tasks.addTask { await self.read(channel, by: reader, kind) }
            }
        }
    }

    /// One read of the newest page at a random node, written down.
    func read(_ channel: Int, by client: Int, _ consistency: Read.Consistency) async {
        guard let account = try? await self.account(client), let node = self.endpoints.randomElement() else { return }
        let begin = MonotonicClock.now()
        let outcome: Read.Outcome
        do {
            let answer = try await self.rest.ask(
                .GET, Self.path(self.channels[channel].id, "limit=50", consistency), at: node, token: account.token)
            outcome = try self.outcome(of: answer, reachesHead: true)
        } catch {
            outcome = .failed
        }
        let read = Read(
            client: UInt32(client), node: node.name, begin: begin, end: MonotonicClock.now(),
            consistency: consistency, outcome: outcome)
        let run = self.run
        self.loop.execute {
            run.value.clients[client].file.append(.read(channel: channel, read))
            run.value.counters.reads += 1
        }
    }

    static func path(_ channel: String, _ page: String, _ consistency: Read.Consistency) -> String {
        "/v1/messages?channel_id=\(channel)&\(page)" + (consistency == .local ? "&consistency=local" : "")
    }

    private func outcome(of answer: RestCalls.Answer, reachesHead: Bool) throws -> Read.Outcome {
        if answer.isDenied { return .denied }
        guard answer.isOK else { return .failed }
        return .entries(try self.entries(answer), reachesHead: reachesHead)
    }

    func entries(_ answer: RestCalls.Answer) throws -> [LogEntry] {
        let messages = answer.body.withUnsafeReadableBytes { FrameScan($0).messages() }
        guard let messages else {
            let text = String(buffer: answer.body).prefix(200)
            let run = self.run
            self.loop.execute { run.value.stop(because: "a page of history was not understood: \(text)") }
            throw RestCalls.Failure(description: "a page was not understood")
        }
        return messages.map { LogEntry(seq: $0.seq, .message($0.key, $0.digest)) }
    }

    // MARK: Guests

    /// Removes the channel's guest, sees that it is shut out, and lets it in again; over and over while the run sends.
    func entertainGuest(of channel: Int) async {
        let members = self.channels[channel].members
        guard self.channels[channel].isPrivate, members.count > 1, let guest = members.last else { return }
        while await self.isSending {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 1_000...4_000)))
            await self.post(to: channel, by: guest)
            // A message of the guest races with its removal.
            async let racing: Void = self.post(to: channel, by: guest)
            await self.change(channel, guest: guest, owner: members[0], adds: false)
            await racing
            for _ in 0..<2 {
                await self.read(channel, by: guest, Bool.random() ? .linearizable : .local)
                await self.post(to: channel, by: guest)
            }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 200...1_500)))
            await self.change(channel, guest: guest, owner: members[0], adds: true)
        }
    }

    /// Asked again until it has a verdict, for at most 30 s; written down as one change from its first request on, and
    /// each request without an answer as another one: a node that stood still may carry it out much later.
    private func change(_ channel: Int, guest: Int, owner: Int, adds: Bool) async {
        let begin = MonotonicClock.now()
        var outcome = MembershipChange.Outcome.unknown
        var unanswered: [(begin: Microseconds, end: Microseconds)] = []
        asking: while MonotonicClock.now() - begin < 30_000_000 {
            guard let owner = try? await self.account(owner), let subject = try? await self.account(guest),
                let node = self.endpoints.randomElement()
            else { break }
            let path = "/v1/channels/\(self.channels[channel].id)/members/\(subject.user)"
            let asked = MonotonicClock.now()
            let answer = try? await self.rest.ask(
                adds ? .PUT : .DELETE, path, at: node, token: owner.token, body: adds ? ["role": "member"] : nil)
            switch answer {
            case let answer? where answer.isOK: outcome = .done
            // Not a member any more: an earlier request without an answer did it.
            case let answer? where answer.status == 404 && !adds && !unanswered.isEmpty: outcome = .done
            case let answer? where answer.isDenied: outcome = .refused
            case let answer? where answer.isRefusal: break
            default: unanswered.append((asked, MonotonicClock.now()))
            }
            if outcome != .unknown { break asking }
            try? await Task.sleep(for: .milliseconds(200))
        }
        let verdict = MembershipChange(
            subject: UInt32(guest), adds: adds, begin: begin, end: MonotonicClock.now(), outcome: outcome)
        let lost = unanswered.map {
            MembershipChange(subject: UInt32(guest), adds: adds, begin: $0.begin, end: $0.end, outcome: .unknown)
        }
        for change in [verdict] + lost { self.write(.change(channel: channel, change), of: owner) }
    }

    /// One message over REST, tried once; what is unknown stays so.
    private func post(to channel: Int, by client: Int) async {
        guard let node = self.endpoints.randomElement(),
            let draft = try? await self.onLoop({ run in
                let key = run.clients[client].nextKey()
                return (key: key, text: run.clients[client].text(of: key), token: run.clients[client].account.token)
            })
        else { return }
        let begin = MonotonicClock.now()
        let digest = TextDigest(of: draft.text.utf8)
        // In the file before it is on the wire.
        let noted: Void? = try? await self.onLoop { run in
            run.clients[client].file.append(.send(at: begin, channel: channel, draft.key, digest, node: node.name))
            run.clients[client].file.flush()
        }
        guard noted != nil else { return }
        let body = ["channel_id": self.channels[channel].id, "text": draft.text, "client_id": "\(draft.key)"]
        let record: HistoryRecord
        do {
            let answer = try await self.rest.ask(.POST, "/v1/messages", at: node, token: draft.token, body: body)
            record = self.verdict(on: draft.key, channel, answer)
        } catch {
            record = .unknown(at: MonotonicClock.now(), channel: channel, draft.key, reason: "\(type(of: error))")
        }
        self.write(record, of: client)
    }

    private func verdict(on key: MessageKey, _ channel: Int, _ answer: RestCalls.Answer) -> HistoryRecord {
        let now = MonotonicClock.now()
        if answer.isOK {
            guard let message = answer.body.withUnsafeReadableBytes({ FrameScan($0).message(from: 0) }) else {
                return .unknown(at: now, channel: channel, key, reason: "an answer that was not understood")
            }
            return .ack(at: now, channel: channel, key, seq: message.seq, shown: message.digest)
        }
        if answer.isRefusal {
            return .refused(at: now, channel: channel, key, code: answer.code, isDenied: answer.isDenied)
        }
        return .unknown(at: now, channel: channel, key, reason: answer.code)
    }
}
