import ChatModel
import ChatService
import ClusterModel
import Routing

// What people do all day.

extension NodeWorld {
    func beginLoad() {
        for number in 0..<self.swarm.readers {
            let reader = SimulatedReader(self, number, self.users[number % self.users.count])
            self.readers.append(reader)
            reader.connect()
        }
        for client in 0..<self.swarm.clients { self.act(client) }
    }

    private func act(_ client: Int) {
        guard !self.isHealed else { return }
        let actor = self.users[client % self.users.count]
        // Each client waits for its answer, but for a few: a hung shard must not silence everybody.
        let next: () -> Void = { [unowned self] in
            let pause = self.chance.number(0...self.swarm.pauseMilliseconds * 2_000)
            self.scheduler.schedule(after: VirtualTime(microseconds: UInt64(pause))) { self.act(client) }
        }
        let waits = self.chance.percent(80)
        if !waits { next() }
        self.actOnce(actor) { if waits { next() } }
    }

    private func actOnce(_ actor: Actor, _ done: @escaping () -> Void) {
        guard let channel = self.chance.pick(self.channelIDs) else { return }
        if self.chance.percent(self.swarm.sagaPercent) { self.beginSaga(actor) }
        if self.chance.percent(self.swarm.readPercent) {
            self.read(channel, actor, done)
        } else if self.chance.percent(self.swarm.membershipPercent) {
            ClientRequest(self, self.membershipChange(channel, actor)) { _ in done() }.begin()
        } else if self.swarm.flurryPercent > 0, self.chance.percent(self.swarm.flurryPercent) {
            // One connection's, as long as its node lives.
            let node = self.anyRunningNode()
            for _ in 0..<self.chance.number(1...4) { ClientRequest(self, self.post(channel, actor)).begin(at: node) }
            ClientRequest(self, self.post(channel, actor)) { _ in done() }.begin(at: node)
        } else {
            ClientRequest(self, self.post(channel, actor)) { _ in done() }.begin()
        }
    }

    private func post(_ channel: ChannelID, _ actor: Actor) -> Command {
        self.texts += 1
        let text = "message \(self.texts)"
        let key = IdempotencyKey(user: actor.user, key: text, fingerprint: UInt64(self.texts))
        let content = MessageContent(text: text, clientID: nil, thread: nil)
        return .postMessage(channel, content, by: actor, key)
    }

    private func membershipChange(_ channel: ChannelID, _ actor: Actor) -> Command {
        let owner = self.owner(of: channel)
        let other = self.chance.pick(self.users.filter { $0 != owner }) ?? actor
        switch self.chance.number(0...4) {
        case 0, 1: return .addMember(channel, other.user, by: owner)
        case 2: return .leaveChannel(channel, by: other)
        case 3: return .joinChannel(channel, by: other)
        default: return .removeMember(channel, other.user, by: owner)
        }
    }

    private func read(_ channel: ChannelID, _ actor: Actor, _ done: @escaping () -> Void) {
        guard let node = self.anyRunningNode(), let router = node.router else { return done() }
        let isLocal = self.chance.percent(40)
        let floor = isLocal ? 0 : self.oracle.acknowledged[channel] ?? 0
        self.reads += 1
        var isDone = false
        let end = {
            if !isDone { done() }
            isDone = true
        }
        let query: Query =
            self.chance.percent(50)
            ? .history(channel, viewer: actor, .newest, limit: 20)
            : .events(channel, viewer: actor, after: floor > 5 ? floor - 5 : 0, limit: 20)
        let box = UncheckedBox(end)
        router.answer(query, consistency: isLocal ? .local : .linearizable) { [unowned self] result in
            switch result {
            case .success(.events(let events, let head)):
                self.oracle.shown(events, head: head, of: channel, to: actor.user, floor: floor)
            case .success(.views(let views, let head)):
                self.oracle.shown(views, head: head, of: channel, to: actor.user, floor: floor)
            default: break
            }
            box.value()
        }
        self.scheduler.schedule(after: .seconds(5)) { end() }  // Its node may die.
    }

    private func beginSaga(_ actor: Actor) {
        // Few names, so that people want the same one.
        let name = UniqueName(kind: .channel, name: "name\(self.chance.number(0...self.swarm.channels * 2))")
        let channel = ChannelID(high: 0xFFFF << 48 | UInt64(self.sagas.count), low: self.chance.generator.next())
        let saga = NameSaga(
            self, name, .channel(channel),
            .createNamedChannel(
                NewChannel(id: channel, name: name.name, folded: name.name, type: .private, topic: ""), by: actor, nil),
            stopsAfter: self.chance.pick([1, 2, 3, 3, 3, 3]) ?? 3)
        self.sagas.append(saga)
        saga.begin()
    }
}

/// For closures of a world, which has one thread.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
