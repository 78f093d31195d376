import ChatMachine
import ChatModel
import ClusterModel
import GRDB
import Testing

@testable import Projections

/// An index that grew with its messages, and one that is made of them at once.
@Suite struct SearchRebuildTests {
    private let folder: Folder
    private static let vocabulary = (0..<50).map { "w\($0)" } + ["数据", "会議", "café", "https://example.org"]

    init() throws { self.folder = try Folder() }

    private func text(_ chance: inout SeededGenerator) -> String {
        let count = Int(chance.next() % 6) + 1
        return (0..<count).map { _ in Self.vocabulary[Int(chance.next() % 54)] }.joined(separator: " ")
    }

    /// Messages that are edited, deleted, pinned and reacted to on the way, with steps of the index at any time between.
    private func walk(_ steps: Int, _ chance: inout SeededGenerator) throws -> Shard {
        var shard = try Shard(self.folder.file)
        let rooms = [general, channel(2)]
        for room in rooms {
            shard.apply(.createChannel(room, name: "r\(room.low)", type: .public, topic: "", by: actor(1), nil))
            shard.apply(.joinChannel(room, by: actor(2)))
        }
        for _ in 0..<steps {
            let room = rooms[Int(chance.next() % 2)]
            let head = shard.machine.head(of: room) ?? 0
            let message = MessageID(channel: room, seq: chance.next() % (head + 1) + 1)
            switch chance.next() % 12 {
            case 0: shard.apply(.deleteMessage(message, asModerator: false, by: actor(1), nil))
            case 1, 2: try self.change(message, &shard, &chance)
            case 3: shard.apply(.react(message, emoji: "tada", by: actor(2), nil))
            case 4: shard.apply(.unreact(message, emoji: "tada", by: actor(2), nil))
            default:
                let content = MessageContent(text: self.text(&chance), clientID: nil, thread: nil)
                shard.apply(.postMessage(room, content, by: actor(1 + chance.next() % 2), nil))
            }
            if chance.next() % 15 == 0 { try self.write(&shard) }
            if chance.next() % 30 == 0 { try shard.projection.index() }
            if chance.next() % 200 == 0 {
                try shard.projection.tidy()
                _ = try shard.projection.checkpoint()
            }
        }
        shard.pending.append(.trim(channel(2), through: 40))
        shard.index = shard.index.next()
        try shard.write()
        return shard
    }

    private func write(_ shard: inout Shard) throws {
        if shard.index > shard.projection.appliedIndex { try shard.write() }
    }

    /// Edits or pins, which take the message as it is.
    private func change(_ message: MessageID, _ shard: inout Shard, _ chance: inout SeededGenerator) throws {
        try self.write(&shard)
        let answer = try shard.projection.answer(.message(message.channel, seq: message.seq, head: .max))
        guard case .views(let views, _) = answer, let view = views.first else { return }
        let snapshot = MessageSnapshot(content: view.content, editedAt: view.editedAt, version: view.version)
        let author = Actor(user: view.author, role: .member, session: SessionID(high: 3, low: view.author.low))
        if chance.next() % 2 == 0 {
            shard.apply(
                .editMessage(
                    message, text: self.text(&chance), mentions: [], broadcast: nil, snapshot, by: author, nil))
        } else {
            shard.apply(.pin(message, snapshot, by: author, nil))
        }
    }

    private func request(_ chance: inout SeededGenerator) -> SearchRequest {
        func word() -> SearchWords {
            let word = Self.vocabulary[Int(chance.next() % 54)]
            return chance.next() % 4 == 0 ? .prefix(String(word.prefix(2))) : .word(word)
        }
        var request = SearchRequest(
            terms: [SearchTerm(words: word(), isExcluded: false)], channels: [],
            order: chance.next() % 2 == 0 ? .newest : .relevance, limit: UInt32(chance.next() % 60 + 1))
        if chance.next() % 3 == 0 { request.terms.append(SearchTerm(words: word(), isExcluded: true)) }
        if chance.next() % 4 == 0 { request.features = [1, 4, 8, 9][Int(chance.next() % 4)] }
        if chance.next() % 4 == 0 { request.author = user(1 + chance.next() % 2) }
        return request
    }

    @Test(arguments: [3, 17] as [UInt64])
    func `both find the same, in the same order and with the same scores`(seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        let shard = try self.walk(900, &chance)
        let visible = [general, channel(2)].map { ShardSearch.Channel(id: $0, head: shard.machine.head(of: $0) ?? 0) }
        let requests = (0..<200).map { _ in self.request(&chance) }
        func answers() throws -> [QueryAnswer] {
            try requests.map {
                try shard.projection.answer(.search(ShardSearch(channels: visible, request: $0)))
            }
        }
        while try shard.projection.index() {}
        let before = try answers()
        let found = before.map { answer in
            if case .hits(let hits, isComplete: true) = answer { hits.count } else { -1 }
        }
        #expect(!found.contains(-1) && found.count { $0 > 0 } > 100)
        let rows = "SELECT place, author, has, text FROM searchable ORDER BY place"
        let kept = try shard.projection.read { db in try Row.fetchAll(db, sql: rows) }
        try shard.projection.rebuildIndex()
        while try shard.projection.index() {}
        #expect(try shard.projection.read { db in try Row.fetchAll(db, sql: rows) } == kept)
        #expect(try answers() == before)
        // And the index agrees with the texts that it is an index of.
        try shard.projection.change { db in
            try db.execute(sql: "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
        }
    }
}
