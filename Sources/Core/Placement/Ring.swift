// Data's way, step 3: which nodes *should* hold a shard. Which do hold it stands in the shard's own log;
// its leader moves it towards the ring (see ReconcilePlan.swift).

import ClusterModel

/// The consistent-hash ring with bounded load: a pure function from the active nodes and the number of
/// shards to the nodes of every shard.
///
/// Every node has 256 points on a circle of 64-bit hashes. A shard starts at its own point and walks
/// clockwise; the first `replicas` different nodes that are not full hold it. A node is full at 1.15 times
/// the mean, so one unlucky node never carries the cluster. Shards are placed in the order of their
/// numbers, which makes "full" the same everywhere. Of a shard's nodes, the first on its way that does not
/// already lead 1.15 times the mean is the preferred leader and stands first.
///
/// The result depends on nothing but the *set* of nodes and the two counts: nodes that know the same
/// registry epoch know the same ring. The hash is part of the format; see StableHash.swift.
///
/// - SeeAlso: Karger et al., "Consistent Hashing and Random Trees" (1997); Mirrokni, Thorup and
///   Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2016).
package struct Ring: Sendable, Equatable {
    /// In the order of their ids, each once.
    package let nodes: [NodeID]
    package let shardCount: Int
    /// How many nodes a shard has when there are enough.
    package let replicas: Int
    /// Indexed by the shard's number, the directory at 0.
    private let placement: [[NodeID]]

    package static let pointsPerNode = 256
    package static let defaultReplicas = 3

    /// Costs about 256 x nodes x log(nodes): compute it once per registry epoch and keep it.
    ///
    /// - Parameters:
    ///   - nodes: The active ones, in any order; a repeated one counts once.
    ///   - shardCount: The shards that hold keys. The directory is placed as one more.
    package init(nodes: [NodeID], shardCount: Int, replicas: Int = Ring.defaultReplicas) {
        precondition(shardCount >= 1 && shardCount < Int(UInt16.max), "\(shardCount) shards")
        precondition(replicas >= 1, "\(replicas) replicas")
        self.nodes = Set(nodes).sorted()
        self.shardCount = shardCount
        self.replicas = replicas
        self.placement = Self.place(self.nodes, slots: shardCount + 1, replicas: min(replicas, self.nodes.count))
    }

    /// The ring of one registry epoch.
    package init(_ registry: NodeRegistry, shardCount: Int, replicas: Int = Ring.defaultReplicas) {
        self.init(nodes: registry.active, shardCount: shardCount, replicas: replicas)
    }

    /// The nodes that should hold `shard`, the preferred leader first: `min(replicas, nodes.count)` of them.
    /// None for a shard that does not exist, since shard numbers also come from peers.
    package func replicas(of shard: ShardID) -> [NodeID] {
        let slot = Int(shard.rawValue)
        return slot < self.placement.count ? self.placement[slot] : []
    }

    package func preferredLeader(of shard: ShardID) -> NodeID? { self.replicas(of: shard).first }

    /// The shards that `node` should hold, the directory included.
    package func shards(of node: NodeID) -> [ShardID] {
        self.placement.indices.filter { self.placement[$0].contains(node) }.map { ShardID(UInt16($0)) }
    }

    /// At most so many of `things` fall to one of `nodeCount` nodes, while three nodes have room.
    package static func loadMax(things: Int, nodeCount: Int) -> Int {
        guard nodeCount > 0 else { return 0 }
        return (things * 115 + nodeCount * 100 - 1) / (nodeCount * 100)
    }
}

extension Ring {
    /// What changes for one shard between two rings.
    package struct Move: Sendable, Equatable {
        package let shard: ShardID
        package let arriving: [NodeID]
        package let leaving: [NodeID]
    }

    /// The shards whose *set* of nodes differs, in order. A shard that only prefers another leader moves nothing.
    package static func moves(from old: Ring, to new: Ring) -> [Move] {
        (0...max(old.shardCount, new.shardCount)).compactMap { slot in
            let shard = ShardID(UInt16(slot))
            let before = old.replicas(of: shard)
            let after = new.replicas(of: shard)
            let arriving = after.filter { !before.contains($0) }
            let leaving = before.filter { !after.contains($0) }
            return arriving.isEmpty && leaving.isEmpty ? nil : Move(shard: shard, arriving: arriving, leaving: leaving)
        }
    }
}

// MARK: - Placing

extension Ring {
    private struct Point {
        let position: UInt64
        /// An index into the sorted nodes, which also breaks the tie of two equal positions.
        let node: Int
    }

    /// Keeps the points of shards apart from those of nodes: "SHARD" in ASCII.
    private static let shardDomain: UInt64 = 0x53_4841_5244

    private static func place(_ nodes: [NodeID], slots: Int, replicas: Int) -> [[NodeID]] {
        guard !nodes.isEmpty else { return Array(repeating: [], count: slots) }
        let points = Self.points(of: nodes)
        let heldMax = Self.loadMax(things: slots * replicas, nodeCount: nodes.count)
        let ledMax = Self.loadMax(things: slots, nodeCount: nodes.count)
        var held = Array(repeating: 0, count: nodes.count)
        var led = Array(repeating: 0, count: nodes.count)

        return (0..<slots).map { slot in
            let way = Self.way(
                from: StableHash.combined(Self.shardDomain, UInt64(slot)), through: points, of: nodes.count)
            var chosen = Array(way.filter { held[$0] < heldMax }.prefix(replicas))
            if chosen.count < replicas {
                // Room is left, but on too few nodes: the last shards of a small cluster. Take the emptiest.
                let others = way.filter { !chosen.contains($0) }.sorted { held[$0] < held[$1] }
                chosen += others.prefix(replicas - chosen.count)
            }
            let leader = chosen.firstIndex { led[$0] < ledMax } ?? Self.indexOfLeast(led, among: chosen)
            chosen.insert(chosen.remove(at: leader), at: 0)
            led[chosen[0]] += 1
            for node in chosen { held[node] += 1 }
            return chosen.map { nodes[$0] }
        }
    }

    private static func points(of nodes: [NodeID]) -> [Point] {
        var points: [Point] = []
        points.reserveCapacity(nodes.count * Self.pointsPerNode)
        for (index, node) in nodes.enumerated() {
            let name = StableHash.combined(node.high, node.low)
            for number in 0..<Self.pointsPerNode {
                points.append(Point(position: StableHash.combined(name, UInt64(number)), node: index))
            }
        }
        return points.sorted { ($0.position, $0.node) < ($1.position, $1.node) }
    }

    /// Every node once, in the order in which a walk clockwise from `start` meets them.
    private static func way(from start: UInt64, through points: [Point], of nodeCount: Int) -> [Int] {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle].position < start { low = middle + 1 } else { high = middle }
        }
        var met = Array(repeating: false, count: nodeCount)
        var way: [Int] = []
        way.reserveCapacity(nodeCount)
        for offset in 0..<points.count where way.count < nodeCount {
            let node = points[(low + offset) % points.count].node
            if !met[node] {
                met[node] = true
                way.append(node)
            }
        }
        return way
    }

    private static func indexOfLeast(_ counts: [Int], among nodes: [Int]) -> Int {
        nodes.indices.min { counts[nodes[$0]] < counts[nodes[$1]] } ?? 0
    }
}
