import ChatModel
import ChatService
import ClusterModel
import Routing

/// One thing that a person wants, until it is known what became of it: tried at any node, and tried again under the
/// same key wherever that is not known.
final class ClientRequest: @unchecked Sendable {
    private unowned let world: NodeWorld
    private let command: Command
    /// The text of a message, by which the oracle knows it.
    private let text: String?
    private let floor: UInt64
    private var attempt = 0
    private var isDone = false
    private let whenDone: (CommandResult) -> Void

    init(_ world: NodeWorld, _ command: Command, _ whenDone: @escaping (CommandResult) -> Void = { _ in }) {
        self.world = world
        self.command = command
        self.whenDone = whenDone
        if case .postMessage(let channel, let content, _, _) = command {
            self.text = content.text
            self.floor = world.oracle.acknowledged[channel] ?? 0
        } else {
            self.text = nil
            self.floor = 0
        }
    }

    /// - Parameter node: who is asked first; nil for anybody.
    func begin(at node: SimulatedNode? = nil) {
        self.world.requestsOpen += 1
        self.world.requests += 1
        self.send(to: node)
    }

    private func send(to wanted: SimulatedNode? = nil) {
        guard !self.isDone else { return }
        self.attempt += 1
        let attempt = self.attempt
        guard let node = wanted ?? self.world.anyRunningNode(), let router = node.router else {
            return self.sendLater()
        }
        router.perform(self.command) { result in
            // The way back to the client.
            self.world.scheduler.schedule { self.answered(result, attempt) }
        }
        // The node may die, or the client's connection with it.
        self.world.scheduler.schedule(after: .seconds(7)) {
            if self.attempt == attempt { self.send() }
        }
    }

    private func sendLater() {
        let attempt = self.attempt
        self.world.scheduler.schedule(after: self.world.chance.milliseconds(20...400)) {
            if self.attempt == attempt { self.send() }
        }
    }

    private func answered(_ result: Result<CommandResult, ServiceError>, _ attempt: Int) {
        switch result {
        case .success(let result):
            // Also the answer to an attempt that was given up is a promise.
            if let text = self.text, case .message(let event) = result {
                self.world.oracle.acknowledged(text, as: event, after: self.floor)
            }
            guard !self.isDone else { return }
            self.isDone = true
            self.world.requestsOpen -= 1
            self.whenDone(result)
        case .failure:
            if self.attempt == attempt, !self.isDone { self.sendLater() }
        }
    }
}

/// Names over two shards: reserve, create, confirm. The client may stop half way, as people do.
final class NameSaga: @unchecked Sendable {
    private unowned let world: NodeWorld
    let name: UniqueName
    let owner: NameOwner
    private let create: Command
    private let stopsAfter: Int

    init(_ world: NodeWorld, _ name: UniqueName, _ owner: NameOwner, _ create: Command, stopsAfter: Int) {
        self.world = world
        self.name = name
        self.owner = owner
        self.create = create
        self.stopsAfter = stopsAfter
    }

    func begin() {
        let reservation: Command =
            switch self.owner {
            case .channel(let channel): .claimName(self.name, channel, listed: true, epoch: 0)
            case .user: .reserveName(self.name, self.owner, listed: true)
            }
        ClientRequest(self.world, reservation) { result in
            if case .refused = result { return }
            self.createOwner()
        }.begin()
    }

    private func createOwner() {
        guard self.stopsAfter > 1 else { return }
        ClientRequest(self.world, self.create) { result in
            if case .refused = result { return }
            // A channel's shard confirms its name itself.
            guard self.stopsAfter > 2, case .user = self.owner else { return }
            ClientRequest(self.world, .confirmName(self.name, self.owner)).begin()
        }.begin()
    }
}
