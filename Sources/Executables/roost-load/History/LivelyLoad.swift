import Foundation
import HistoryChecker
import NIOCore
import NIOHTTP1

/// The part of a run that changes messages: in lively channels people name each other, answer in threads, edit, delete,
/// react, pin, take back, follow and read, each thing at a node of its own; and one of them is put out and comes back.
///
/// Over REST, one thing at a time a client and channel; what has no answer is tried again at another node.
struct LivelyLoad: Sendable {
    let readers: HistoryReaders
    let rooms: [LivelyRoom]
    /// The name of each client.
    let names: [String]

    private static let emoji = ["wave", "eyes", "tada", "👍🏽"]
    /// How long a thing is tried, and how long one attempt waits.
    private static let patience: Microseconds = 12_000_000
    private static let attemptLimit = TimeAmount.seconds(3)

    /// Until the run sends no more.
    func run(rate: Double) async {
        guard rate > 0, !self.rooms.isEmpty else { return }
        let actors = self.rooms.reduce(0) { $0 + $1.members.count }
        let pause = Double(actors) / rate
        await withDiscardingTaskGroup { tasks in
            for room in self.rooms {
                for client in room.members {
                    tasks.addTask {
                        while await self.isSending {
                            await self.act(in: room, by: client)
                            try? await Task.sleep(for: .seconds(pause * Double.random(in: 0.2...1.8)))
                        }
                    }
                }
                tasks.addTask { await self.putOutAndBack(room) }
            }
        }
    }

    private var isSending: Bool {
        get async { (try? await self.readers.onLoop { $0.isSending }) ?? false }
    }

    // MARK: What people do

    private func act(in room: LivelyRoom, by client: Int) async {
        switch Int.random(in: 0..<100) {
        case 0..<20: await self.post(in: room, by: client)
        case 20..<34: await self.reply(in: room, by: client)
        case 34..<43: await self.edit(in: room, by: client)
        case 43..<49:
            // The owner may delete what others wrote.
            let isOwner = client == room.members[0]
            guard let message = await room.board.any(by: isOwner ? nil : client) else { return }
            let outcome = await self.perform(
                .delete(message: message), in: room, by: client, .DELETE, "/v1/messages/\(room.id).\(message)")
            if outcome.isDone { await room.board.deleted(message) }
        case 49..<76:
            guard let message = await room.board.any(), let emoji = Self.emoji.randomElement(),
                let part = emoji.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            else { return }
            let adds = Int.random(in: 0..<3) > 0
            await self.perform(
                adds ? .react(message: message, emoji: emoji) : .unreact(message: message, emoji: emoji), in: room,
                by: client, adds ? .PUT : .DELETE, "/v1/messages/\(room.id).\(message)/reactions/\(part)")
        case 76..<83:
            guard let message = await room.board.any(where: { room.isPinner(client, of: $0) }) else { return }
            let puts = Int.random(in: 0..<3) > 0
            await self.perform(
                puts ? .pin(message: message) : .unpin(message: message), in: room, by: client,
                puts ? .PUT : .DELETE, "/v1/messages/\(room.id).\(message)/pin")
        case 83..<90: await self.useThread(in: room, by: client)
        default:
            let head = await room.board.head
            guard head > 0 else { return }
            let seq = Bool.random() ? head : UInt64.random(in: 1...head)
            await self.perform(
                .read(seq: seq), in: room, by: client, .PUT, "/v1/channels/\(room.id)/read",
                body: { _ in #"{"seq":\#(seq)}"# })
        }
    }

    private func post(in room: LivelyRoom, by client: Int) async {
        let words = self.words(room)
        let outcome = await self.perform(
            in: room, by: client, .POST, "/v1/messages",
            body: { #"{"channel_id":"\#(room.id)","text":"\#($0) \#(words)","client_id":"\#($0)"}"# },
            action: { .post(TextDigest(of: "\($0) \(words)".utf8)) })
        if case .done(let seq) = outcome { await room.board.posted(seq, by: client, isReply: false) }
    }

    private func reply(in room: LivelyRoom, by client: Int) async {
        guard let root = await room.board.rootToAnswer() else { return }
        let words = self.words(room)
        let outcome = await self.perform(
            in: room, by: client, .POST, "/v1/threads/\(room.id).\(root)/replies",
            body: { #"{"text":"\#($0) \#(words)","client_id":"\#($0)"}"# },
            action: { .reply(root: root, TextDigest(of: "\($0) \(words)".utf8)) })
        if case .done(let seq) = outcome { await room.board.posted(seq, by: client, isReply: true) }
    }

    /// Follows a thread, leaves it, or reads there.
    private func useThread(in room: LivelyRoom, by client: Int) async {
        guard let root = await room.board.root() else { return }
        let path = "/v1/threads/\(room.id).\(root)"
        switch Int.random(in: 0..<4) {
        case 0: await self.perform(.follow(root: root), in: room, by: client, .PUT, path + "/follow")
        case 1: await self.perform(.unfollow(root: root), in: room, by: client, .DELETE, path + "/follow")
        default:
            let seq = UInt64.random(in: root...max(root, await room.board.head))
            await self.perform(
                .readThread(root: root, seq: seq), in: room, by: client, .PUT, path + "/read",
                body: { _ in #"{"seq":\#(seq)}"# })
        }
    }

    private func edit(in room: LivelyRoom, by client: Int) async {
        guard let message = await room.board.any(by: client) else { return }
        let words = self.words(room)
        await self.perform(
            in: room, by: client, .PATCH, "/v1/messages/\(room.id).\(message)",
            body: { #"{"text":"\#($0) \#(words)"}"# },
            action: { .edit(message: message, TextDigest(of: "\($0) \(words)".utf8)) })
    }

    /// Words that name nobody, some of the members, everybody, or people in code, who are not meant.
    private func words(_ room: LivelyRoom) -> String {
        var words = ["look"]
        for _ in 0..<Int.random(in: 0...3) {
            guard let member = room.members.randomElement() else { continue }
            let name = self.names[member]
            words.append(Int.random(in: 0..<6) == 0 ? "`@\(name)`" : "@\(name)")
        }
        if Int.random(in: 0..<12) == 0 { words.append("@channel") }
        if Int.random(in: 0..<12) == 0, let stranger = self.names.randomElement() { words.append("@\(stranger)") }
        return words.shuffled().joined(separator: " ")
    }

    /// The owner puts the last member out and lets it in again, and does not stop in between.
    private func putOutAndBack(_ room: LivelyRoom) async {
        guard room.members.count > 1, let member = room.members.last,
            let user = try? await self.readers.onLoop({ $0.clients[member].account.user })
        else { return }
        let path = "/v1/channels/\(room.id)/members/\(user)"
        while await self.isSending {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 3_000...8_000)))
            await self.perform(
                .remove(client: UInt32(member)), in: room, by: room.members[0], .DELETE, path)
            try? await Task.sleep(for: .milliseconds(Int.random(in: 200...1_500)))
            await self.perform(
                .add(client: UInt32(member)), in: room, by: room.members[0], .PUT, path,
                body: { _ in #"{"role":"member"}"# })
        }
    }

    // MARK: Carrying out

    @discardableResult
    private func perform(
        _ action: LivelyOperation.Action, in room: LivelyRoom, by client: Int, _ method: HTTPMethod, _ path: String,
        body: (@Sendable (MessageKey) -> String)? = nil
    ) async -> LivelyOperation.Outcome {
        await self.perform(in: room, by: client, method, path, body: body) { _ in action }
    }

    /// Tried until it has a verdict, at one node after the other; each attempt is in the file before it is on the wire.
    @discardableResult
    private func perform(
        in room: LivelyRoom, by client: Int, _ method: HTTPMethod, _ path: String,
        body: (@Sendable (MessageKey) -> String)?, action: (MessageKey) -> LivelyOperation.Action
    ) async -> LivelyOperation.Outcome {
        guard let key = try? await self.readers.onLoop({ $0.clients[client].nextKey() }) else { return .refused }
        let action = action(key)
        let begin = MonotonicClock.now()
        var pause = 50
        var place = Int.random(in: self.readers.endpoints.indices)
        var isOpen = false
        while true {
            let node = self.readers.endpoints[place]
            place = (place + 1) % self.readers.endpoints.count
            let token = try? await self.readers.onLoop { run in
                let file = run.clients[client].file
                file.append(
                    .lively(
                        .asked(at: MonotonicClock.now(), channel: room.number, key, action, node: node.name)))
                file.flush()
                return run.clients[client].account.token
            }
            guard let token else { return .unknown }
            let answer = try? await self.readers.rest.ask(
                method, path, at: node, token: token, json: body?(key), limit: Self.attemptLimit)
            let outcome = Self.outcome(of: answer)
            let why = answer.map { $0.isOK ? "" : "\($0.status) \($0.code)" } ?? "no answer"
            self.readers.write(
                .lively(.answered(at: MonotonicClock.now(), channel: room.number, key, outcome, why: why)),
                of: client)
            if outcome == .unknown { isOpen = true }
            let mayPass = answer.map { $0.status >= 500 || $0.status == 429 } ?? true
            if outcome.isDone || !mayPass || MonotonicClock.now() - begin > Self.patience {
                self.count(outcome, isOpen: isOpen)
                return outcome
            }
            try? await Task.sleep(for: .milliseconds(pause))
            pause = min(pause * 2, 1_000)
        }
    }

    private static func outcome(of answer: RestCalls.Answer?) -> LivelyOperation.Outcome {
        guard let answer else { return .unknown }
        if answer.isOK {
            let seq = answer.body.withUnsafeReadableBytes { body in
                FrameScan(body).integer("\"seq\":") ?? FrameScan(body).integer("\"read_seq\":")
            }
            return .done(seq: seq ?? 0)
        }
        return answer.isRefusal ? .refused : .unknown
    }

    private func count(_ outcome: LivelyOperation.Outcome, isOpen: Bool) {
        let run = self.readers.run
        self.readers.loop.execute {
            run.value.counters.changes += outcome.isDone ? 1 : 0
            run.value.counters.openChanges += !outcome.isDone && isOpen ? 1 : 0
        }
    }
}

extension LivelyOperation.Outcome {
    var isDone: Bool { if case .done = self { true } else { false } }
}
