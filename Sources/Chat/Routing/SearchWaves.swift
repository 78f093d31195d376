import ChatModel
import ClusterModel

/// Shards that are asked in waves, each three times as large as the one before: what the first ones found tells the others
/// what they need not look for. A hit costs as much as a shard that has none, and of a page that every shard fills nearly
/// all are thrown away.
///
/// On the router's loop.
final class SearchWaves {
    private var waiting: ArraySlice<ShardID>
    private var open = 0
    private var size: Int
    private let ask: (ShardID) -> Void

    /// - Parameters:
    ///   - order: by relevance no shard's hits say anything about another's: there is one wave.
    ///   - ask: begins to ask a shard; `answered` is to be called once for each.
    init(_ shards: [ShardID], order: SearchOrder, ask: @escaping (ShardID) -> Void) {
        self.waiting = shards[...]
        self.size =
            switch order {
            case .newest: 4
            case .relevance: shards.count
            }
        self.ask = ask
    }

    func next() {
        let wave = self.waiting.prefix(self.size)
        self.waiting = self.waiting.dropFirst(wave.count)
        self.size *= 3
        self.open = wave.count
        for shard in wave { self.ask(shard) }
    }

    func answered() {
        self.open -= 1
        if self.open == 0, !self.waiting.isEmpty { self.next() }
    }

    /// Whether all that were asked have answered, and nobody else will be.
    var isOver: Bool { self.open == 0 && self.waiting.isEmpty }

    /// The rest is not asked any more.
    func stop() { self.waiting = [] }
}
