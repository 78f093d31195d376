import ChatModel
import ClusterModel
import MemoryProjection
import Placement

@testable import ChatMachine

// One shard under test: it stamps commands, counts indices and keeps the rows as a projection would.

struct Rig {
    var machine: ShardMachine
    var index = LogIndex.zero
    var now = Timestamp(milliseconds: 1_750_000_000_000)
    var rows = MemoryProjection()
    var effects = ApplyEffects()

    /// One shard for all keys unless told otherwise, so that effects on users happen at once.
    init(shard: ShardID = ShardID(1), map: ShardMap = ShardMap(shardCount: 1)) {
        self.machine = ShardMachine(shard: shard, map: map)
    }

    @discardableResult
    mutating func apply(_ command: Command) -> CommandResult {
        self.index = self.index.next()
        self.effects.removeAll()
        let result = self.machine.apply(
            LoggedCommand(at: self.now, command: command), at: self.index, into: &self.effects)
        self.rows.take(self.effects.changes)
        return result
    }

    mutating func pass(milliseconds: Int64) { self.now = self.now.advanced(byMilliseconds: milliseconds) }

    /// Time passes, and the log hears of it: of a command that is refused.
    mutating func tick(milliseconds: Int64) {
        self.pass(milliseconds: milliseconds)
        self.apply(.leaveChannel(channel(999), by: actor(ada)))
    }

    func answer(_ query: Query) -> MachineAnswer { self.machine.answer(query) }

    func restored() throws -> ShardMachine {
        var machine = ShardMachine(shard: self.machine.shard, map: self.machine.map)
        try self.rows.restore(into: &machine, appliedIndex: self.machine.lastApplied, stateHash: self.machine.stateHash)
        return machine
    }
}

func user(_ number: UInt64) -> UserID { UserID(high: 1, low: number) }
func channel(_ number: UInt64) -> ChannelID { ChannelID(high: 2, low: number) }
func session(_ number: UInt64) -> SessionID { SessionID(high: 3, low: number) }
func node(_ number: UInt64) -> NodeID { NodeID(high: 4, low: number) }
func actor(_ number: UInt64, _ role: Role = .member) -> Actor {
    Actor(user: user(number), role: role, session: session(number))
}
func content(_ text: String) -> MessageContent { MessageContent(text: text, clientID: nil, thread: nil) }
func key(_ number: UInt64, _ text: String, _ fingerprint: UInt64 = 1) -> IdempotencyKey {
    IdempotencyKey(user: user(number), key: text, fingerprint: fingerprint)
}
func account(_ number: UInt64, role: Role = .member) -> UserRecord {
    UserRecord(
        id: user(number), username: "user\(number)", displayName: "", email: nil, role: role, passwordHash: "secret",
        createdAt: .zero)
}
func device(_ number: UInt64, of owner: UInt64, at now: Timestamp) -> SessionRecord {
    SessionRecord(
        id: session(number), user: user(owner), generation: 1, rotatedAt: now, createdAt: now,
        expiresAt: now.advanced(byMilliseconds: 30 * 24 * 3600 * 1000))
}

let ada: UInt64 = 1
let grace: UInt64 = 2
let linus: UInt64 = 3
let general = channel(1)
let secret = channel(2)

extension Rig {
    /// Ada owns a public and a private channel; Grace is in the public one.
    static func withRooms() -> Rig {
        var rig = Rig()
        for person in [ada, grace, linus] { rig.apply(.createUser(account(person))) }
        rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        rig.apply(.createChannel(secret, name: "secret", type: .private, topic: "", by: actor(ada), nil))
        rig.apply(.joinChannel(general, by: actor(grace)))
        return rig
    }
}

extension CommandResult {
    var event: DurableEvent? {
        if case .message(let event) = self { return event }
        return nil
    }
    var membershipSeq: UInt64? {
        if case .membership(_, let seq) = self { return seq }
        return nil
    }
}
