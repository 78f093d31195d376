import ChatModel
import ClusterModel
import Placement

@testable import Presence

/// Nodes with boards and tables in virtual time, over a network that may lose batches. Every shard has one leader.
struct PresenceWorld {
    static let shardMap = ShardMap(shardCount: 4)

    struct Station {
        var board = PresenceBoard(shardMap: PresenceWorld.shardMap)
        var table = PresenceTable(shardMap: PresenceWorld.shardMap)
        /// What its sockets were shown last of those whom they watch.
        var shown: [UserID: PresenceState] = [:]
        /// Every change shown, with its time.
        var changes: [(at: Int64, state: PresenceState)] = []
        var isAlive = true
    }

    var stations: [NodeID: Station] = [:]
    var leaders: [ShardID: NodeID] = [:]
    /// The log's word.
    var choices: [UserID: PresenceChoice] = [:]
    var uptime: Int64 = 1_000_000
    var generator: SeededGenerator
    /// Of 100 messages so many are lost.
    var lossPercent: UInt64 = 0

    init(nodes: Int, seed: UInt64) {
        self.generator = SeededGenerator(seed: seed)
        for number in 1...nodes { self.stations[Self.node(number)] = Station() }
        for shard in Self.shardMap.shardsAndDirectory {
            self.lead(shard, Self.node(Int(shard.rawValue) % nodes + 1))
        }
    }

    static func node(_ number: Int) -> NodeID { NodeID(high: 0, low: UInt64(number)) }
    static func user(_ number: Int) -> UserID { UserID(high: 9, low: UInt64(number) &* 0x9E37_79B9) }
    static func shard(of user: UserID) -> ShardID { Self.shardMap.shard(ofKey: user.high, user.low) }

    var now: PresenceMoment {
        PresenceMoment(uptime: self.uptime, wall: Timestamp(milliseconds: 1_700_000_000_000 + self.uptime))
    }
    var living: [NodeID] { self.stations.keys.filter { self.stations[$0]?.isAlive == true }.sorted() }

    // MARK: What happens

    mutating func board(_ node: NodeID, _ input: PresenceBoard.Input) {
        guard self.stations[node]?.isAlive == true else { return }
        var effects: [PresenceBoard.Effect] = []
        let now = self.now
        self.stations[node]?.board.step(input, at: now, into: &effects)
        for effect in effects {
            switch effect {
            case .report(let report): self.send(from: node, about: report.user, .reported(node, [report]))
            case .watch(let user): self.send(from: node, about: user, .watched(node, [user]))
            case .unwatch(let user):
                self.stations[node]?.shown[user] = nil
                self.send(from: node, about: user, .unwatched(node, [user]))
            case .changed(let state):
                self.stations[node]?.shown[state.user] = state
                self.stations[node]?.changes.append((self.uptime, state))
            }
        }
    }

    private mutating func send(from node: NodeID, about user: UserID, _ input: PresenceTable.Input) {
        guard let leader = self.leaders[Self.shard(of: user)] else { return }
        guard leader == node || !self.isLost() else { return }
        self.table(leader, input)
    }

    mutating func table(_ node: NodeID, _ input: PresenceTable.Input) {
        guard self.stations[node]?.isAlive == true else { return }
        var effects: [PresenceTable.Effect] = []
        let (choices, now) = (self.choices, self.now)
        self.stations[node]?.table.step(input, at: now, choices: { choices[$0] }, into: &effects)
        for case .tell(let watcher, let state) in effects where watcher == node || !self.isLost() {
            self.board(watcher, .heard([state]))
        }
    }

    private mutating func isLost() -> Bool { self.generator.next() % 100 < self.lossPercent }

    mutating func lead(_ shard: ShardID, _ node: NodeID) {
        if let old = self.leaders[shard] { self.table(old, .ended(shard)) }
        self.leaders[shard] = node
        self.table(node, .began(shard))
        for station in self.living { self.board(station, .renew(shard)) }
    }

    /// The node is gone; gossip finds out at once, and its shards get other leaders.
    mutating func kill(_ node: NodeID) {
        self.stations[node]?.isAlive = false
        for other in self.living { self.table(other, .nodeLost(node)) }
        for (shard, leader) in self.leaders.sorted(by: { $0.key < $1.key }) where leader == node {
            self.lead(shard, self.living[Int(shard.rawValue) % self.living.count])
        }
    }

    mutating func pass(milliseconds: Int64) {
        let end = self.uptime + milliseconds
        while self.uptime < end {
            self.uptime += 100
            for node in self.living {
                self.table(node, .tick)
                if self.uptime % 1_000 == 0 { self.board(node, .tick) }
            }
        }
    }

    func status(of user: UserID) -> PresenceStatus? {
        guard let leader = self.leaders[Self.shard(of: user)], let table = self.stations[leader]?.table else {
            return nil
        }
        let choices = self.choices
        return table.reply(about: [user], at: self.now, choices: { choices[$0] }).states.first?.status
    }

    func shown(_ user: UserID, at node: NodeID) -> PresenceStatus? { self.stations[node]?.shown[user]?.status }
}
