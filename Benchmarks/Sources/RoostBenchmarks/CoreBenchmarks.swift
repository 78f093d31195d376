import ChatMachine
import ChatModel
import ClusterModel
import Placement
import Raft

/// The pure parts: codec, machine, ring.
enum CoreBenchmarks {
    static func run(_ harness: Harness) throws {
        try self.codec(harness)
        self.machine(harness)
        self.ring(harness)
    }

    private static func codec(_ harness: Harness) throws {
        let command = Samples.logged(Samples.post(1, in: Samples.channel(1)))
        let commandBytes = command.encoded
        let event = Samples.event(1, in: Samples.channel(1))
        let eventBytes = event.encoded
        harness.measure("encode a command") { for _ in 0..<$0 { blackHole(command.encoded) } }
        try harness.measure("decode a command") {
            for _ in 0..<$0 { blackHole(try LoggedCommand(encoded: commandBytes)) }
        }
        harness.measure("encode an event") { for _ in 0..<$0 { blackHole(event.encoded) } }
        try harness.measure("decode an event") {
            for _ in 0..<$0 { blackHole(try DurableEvent(encoded: eventBytes)) }
        }
        let replica = Replica(id: ReplicaID(1), node: NodeID(high: 1, low: 1))
        let entries = (1...4).map {
            Entry(index: LogIndex(UInt64($0)), term: Term(3), payload: .command(commandBytes))
        }
        let append = RaftMessage(
            from: replica, to: replica, term: Term(3),
            body: .append(previousIndex: .zero, previousTerm: .zero, entries: entries, commit: .zero))
        let heartbeat = RaftMessage(
            from: replica, to: replica, term: Term(3), body: .heartbeat(commit: LogIndex(90_000), readContext: 7))
        for (name, message) in [("an append of 4 entries", append), ("a heartbeat", heartbeat)] {
            let bytes = message.encoded
            harness.measure("encode \(name)") { for _ in 0..<$0 { blackHole(message.encoded) } }
            try harness.measure("decode \(name)") {
                for _ in 0..<$0 { blackHole(try RaftMessage(encoded: bytes)) }
            }
        }
    }

    private static func machine(_ harness: Harness) {
        var machine = ShardMachine(shard: ShardID(1))
        var effects = ApplyEffects()
        var index = LogIndex.zero
        func apply(_ command: Command) {
            index = index.next()
            effects.removeAll()
            _ = machine.apply(Samples.logged(command), at: index, into: &effects)
        }
        let channels = (0..<8).map(Samples.channel)
        for (number, channel) in channels.enumerated() {
            apply(.createChannel(channel, name: "c\(number)", type: .public, topic: "", by: Samples.actor, nil))
        }
        // Made before the clock runs; each is applied once, since a repeat is another path.
        var number = 0
        harness.measure("make and apply a message") {
            for _ in 0..<$0 {
                number += 1
                apply(Samples.post(number, in: channels[number & 7]))
            }
        }
        harness.measure("make a message (part of the line above)") {
            for round in 0..<$0 { blackHole(Samples.post(round, in: channels[round & 7])) }
        }
    }

    private static func ring(_ harness: Harness) {
        let map = ShardMap()
        let nodes = (1...5).map { NodeID(high: UInt64($0), low: 0) }
        let ring = Ring(nodes: nodes, shardCount: map.shardCount)
        harness.measure("channel to shard to replicas") {
            for round in 0..<$0 { blackHole(ring.replicas(of: map.shard(ofKey: 7, UInt64(round)))) }
        }
    }
}
