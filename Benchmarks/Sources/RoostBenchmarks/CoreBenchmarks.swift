import ChatMachine
import ChatModel
import ClusterModel
import Placement
import Projections
import Raft

/// The pure parts: codec, machine, ring.
enum CoreBenchmarks {
    static func run(_ harness: Harness) throws {
        try self.codec(harness)
        self.machine(harness)
        try self.wave(harness)
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

    /// What a follower does with a wave of 1,024 messages: 32 shards with 31 channels each, in memory that 32,000 messages
    /// and more have gone through since it was looked at.
    private static func wave(_ harness: Harness) throws {
        let shards = 32
        let channelsEach = 31
        let each = 32
        var replicas = (0..<shards).map { shard in
            (machine: ShardMachine(shard: ShardID(UInt16(shard + 1))), rows: QueuedRows(), index: LogIndex.zero)
        }
        var effects = ApplyEffects()
        func channel(_ shard: Int, _ number: Int) -> ChannelID {
            Samples.channel(shard * channelsEach + number % channelsEach)
        }
        for shard in 0..<shards {
            for number in 0..<channelsEach {
                replicas[shard].index = replicas[shard].index.next()
                let command = Command.createChannel(
                    channel(shard, number), name: "c\(number)", type: .public, topic: "", by: Samples.actor, nil)
                _ = replicas[shard].machine.apply(Samples.logged(command), at: replicas[shard].index, into: &effects)
                effects.removeAll()
            }
        }
        var number = 0
        var waves = 0
        var entries: [[UInt8]] = []
        func make() {
            entries.removeAll(keepingCapacity: true)
            for shard in 0..<shards {
                for place in 0..<each {
                    number += 1
                    entries.append(Samples.logged(Samples.post(number, in: channel(shard, waves + place))).encoded)
                }
            }
        }
        func follow(inPlace: Bool) throws {
            for shard in 0..<shards {
                for place in 0..<each {
                    let bytes = entries[shard * each + place]
                    let index = replicas[shard].index.next()
                    replicas[shard].index = index
                    if inPlace, let post = LoggedPost(encoded: bytes),
                        let message = replicas[shard].machine.apply(post, of: bytes, at: index, into: &effects)
                    {
                        replicas[shard].rows.append(message, post, of: bytes, at: index)
                    } else {
                        let logged = try LoggedCommand(encoded: bytes)
                        _ = replicas[shard].machine.apply(logged, at: index, into: &effects)
                    }
                    replicas[shard].rows.append(effects.changes)
                    effects.removeAll(keepingCapacity: true)
                }
                if replicas[shard].rows.count >= 1_024 { replicas[shard].rows = QueuedRows() }
            }
            waves += 1
        }
        for inPlace in [false, true] {
            try harness.measure(
                "a wave of 1,024 messages: make, \(inPlace ? "apply in place" : "decode, apply"), queue",
                operations: 1_024
            ) {
                for _ in 0..<$0 {
                    make()
                    try follow(inPlace: inPlace)
                }
            }
        }
        harness.measure("make a wave (part of the lines above)", operations: 1_024) {
            for _ in 0..<$0 { make() }
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
