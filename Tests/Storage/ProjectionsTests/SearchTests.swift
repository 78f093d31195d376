import ChatMachine
import ChatModel
import ClusterModel
import GRDB
import Testing

@testable import Projections

/// What is found in a shard's messages, and by what.
@Suite struct SearchTests {
    private let folder: Folder

    init() throws { self.folder = try Folder() }

    private func request(_ terms: [SearchWords], excluding: [SearchWords] = [], limit: UInt32 = 50) -> SearchRequest {
        SearchRequest(
            terms: terms.map { SearchTerm(words: $0, isExcluded: false) }
                + excluding.map { SearchTerm(words: $0, isExcluded: true) }, channels: [], limit: limit)
    }

    private func hits(
        _ shard: Shard, _ request: SearchRequest, in channels: [ChannelID] = [general]
    ) throws -> [SearchHit] {
        let visible = channels.map { ShardSearch.Channel(id: $0, head: shard.machine.head(of: $0) ?? 0) }
        let answer = try shard.projection.answer(.search(ShardSearch(channels: visible, request: request)))
        guard case .hits(let hits, isComplete: true) = answer else {
            Issue.record("\(answer)")
            return []
        }
        return hits
    }
    private func seqs(_ shard: Shard, _ words: SearchWords...) throws -> [UInt64] {
        try self.hits(shard, self.request(words)).map(\.message.id.seq)
    }

    @Test(
        arguments: [
            ("creme brulee", ["Crème Brûlée please"]), ("CRÈME", ["creme"]), ("zurich", ["Zürich"]),
            ("设计", ["这个设计很好"]), ("数据库", ["我们的数据库坏了"]), ("会議", ["明日の会議は10時です"]),
            ("カタ", ["カタカナ"]), ("회의", ["오늘회의있습니다"]), ("สินค้า", ["ราคาสินค้าวันนี้"]), ("ပြည်", ["မြန်မာပြည်"]),
            ("prod-eu", ["deploy to prod-eu now"]), ("v2.3.1", ["released v2.3.1 today"]), ("straße", ["die Straße"]),
            ("数据 server", ["the server数据"]),
        ] as [(String, [String])])
    func `accents, case and pieces of words without spaces are found`(query: String, texts: [String]) throws {
        let shard = try self.folder.shard(texts + ["nothing of it"])
        let words = query.split(separator: " ").map { SearchWords.word(String($0)) }
        #expect(try self.hits(shard, self.request(words)).map(\.message.id.seq) == [2])
    }

    @Test func `the newest come first, and pages go on where they ended`() throws {
        let shard = try self.folder.shard((0..<30).map { "lunch \($0)" })
        var request = self.request([.word("lunch")], limit: 7)
        var all: [UInt64] = []
        while true {
            let page = try self.hits(shard, request)
            all += page.map(\.message.id.seq)
            guard page.count == 7, let last = page.last else { break }
            request.position = SearchPosition(
                rank: last.message.createdAt.milliseconds, message: last.message.id)
        }
        #expect(all == Array((2...31).reversed()))
    }

    @Test func `messages of one millisecond are all found once, page by page`() throws {
        var shard = try self.folder.shard([])
        for number in 0..<25 {
            shard.now = Timestamp(milliseconds: 1_760_000_000_000 + Int64(number / 10))
            shard.post("tie \(number)")
        }
        try shard.write()
        var request = self.request([.word("tie")], limit: 4)
        var all: [UInt64] = []
        while let last = try self.hits(shard, request).map({
            all.append($0.message.id.seq); return $0
        }).last {
            request.position = SearchPosition(
                rank: last.message.createdAt.milliseconds, message: last.message.id)
        }
        #expect(all.sorted() == Array(2...26) && Set(all).count == 25)
    }

    @Test func `words, prefixes, phrases and exclusions`() throws {
        let shard = try self.folder.shard([
            "the quick brown fox", "quick thinking", "brown the quick", "quickly gone",
        ])
        #expect(try self.seqs(shard, .word("quick")) == [4, 3, 2])
        #expect(try self.seqs(shard, .prefix("quick")) == [5, 4, 3, 2])
        #expect(try self.seqs(shard, .phrase("quick brown")) == [2])
        #expect(try self.seqs(shard, .word("quick"), .word("brown")) == [4, 2])
        let without = self.request([.word("quick")], excluding: [.word("brown"), .word("fox")])
        #expect(try self.hits(shard, without).map(\.message.id.seq) == [3])
        let only = self.request([], excluding: [.word("quick")])
        #expect(try self.hits(shard, only).map(\.message.id.seq) == [5])
    }

    @Test(arguments: [
        "\"", "a\" OR \"b", "NEAR(a b)", "text:a", "^a", "a*", "a AND", "(((", ")", "-", "NOT", "{a b}:c",
        "'; DROP TABLE run",
        "\u{0}", "a\u{0}b", "*", "+", "a + b", "\\", "%", "🎉", "\u{1}\u{2}",
    ])
    func `syntax of the index is text`(query: String) throws {
        let shard = try self.folder.shard(["plain words", "others"])
        for words in [SearchWords.word(query), .prefix(query), .phrase(query)] {
            let hits = try self.hits(shard, self.request([words], excluding: [.word("others")]))
            #expect(hits.allSatisfy { $0.message.id.seq == 2 })
        }
    }

    @Test func `who wrote, when, and what it has`() throws {
        var shard = try self.folder.shard(["see https://example.org", "no link"])
        shard.apply(.joinChannel(general, by: actor(2)))
        shard.apply(
            .postMessage(general, MessageContent(text: "by two", clientID: nil, thread: nil), by: actor(2), nil))
        try shard.write()
        func found(_ change: (inout SearchRequest) -> Void) throws -> [UInt64] {
            var request = self.request([])
            change(&request)
            return try self.hits(shard, request).map(\.message.id.seq)
        }
        #expect(try found { _ in } == [5, 3, 2])
        #expect(try found { $0.author = user(2) } == [5])
        #expect(try found { $0.features = 1 } == [2])
        #expect(try found { $0.features = 2 } == [])
        let at = try #require(try shard.projection.events(general, after: 2, limit: 1).first?.at)
        #expect(try found { $0.before = at } == [2])
        #expect(try found { $0.after = at } == [5])
        #expect(try found { $0.after = Timestamp(milliseconds: .max) } == [])
        #expect(try found { $0.before = Timestamp(milliseconds: .min) } == [])
    }

    @Test func `only channels that the viewer sees, and nothing behind their heads`() throws {
        var shard = try self.folder.shard(["secret one"])
        shard.apply(.createChannel(channel(2), name: "two", type: .private, topic: "", by: actor(1), nil))
        shard.apply(
            .postMessage(channel(2), MessageContent(text: "secret two", clientID: nil, thread: nil), by: actor(1), nil))
        try shard.write()
        let request = self.request([.word("secret")])
        #expect(try self.hits(shard, request, in: [general]).map(\.message.id.channel) == [general])
        #expect(try self.hits(shard, request, in: [general, channel(2)]).count == 2)
        #expect(try self.hits(shard, request, in: []).isEmpty)
        let early = ShardSearch(channels: [.init(id: general, head: 1)], request: request)
        #expect(try shard.projection.answer(.search(early)) == .hits([], isComplete: true))
    }

    @Test func `an edit is found by its new words, a deletion by none`() throws {
        var shard = try self.folder.shard(["old words", "other"])
        let message = MessageID(channel: general, seq: 2)
        let snapshot = MessageSnapshot(
            content: MessageContent(text: "new words", clientID: nil, thread: nil), editedAt: .zero, version: 3)
        shard.pending += [.keep(.messageText, key: ItemKey.of(message), value: snapshot.encoded)]
        shard.index = shard.index.next()
        try shard.write()
        #expect(try self.seqs(shard, .word("old")) == [])
        let hit = try #require(try self.hits(shard, self.request([.word("new")])).first)
        #expect(hit.message.content.text == "new words" && hit.highlight == "<mark>new</mark> words")
        // Whose right ended before the edit sees neither.
        let early = ShardSearch(channels: [.init(id: general, head: 2)], request: self.request([.word("new")]))
        #expect(try shard.projection.answer(.search(early)) == .hits([], isComplete: true))
        shard.pending += [
            .put(
                kind: .messageState, key: ItemKey.of(message),
                value: MessageStateRecord(deletedAt: .zero, deletedBy: user(1)).encoded), .erase(general, seqs: [2]),
        ]
        shard.index = shard.index.next()
        try shard.write()
        #expect(try self.seqs(shard, .word("words")) == [])
        try shard.projection.tidy()
        _ = try shard.projection.checkpoint()
        let left = try shard.projection.read { db in
            try String.fetchAll(db, sql: "SELECT text FROM searchable")
        }
        #expect(left == ["other"])
    }

    @Test func `what is trimmed is not found`() throws {
        var shard = try self.folder.shard((0..<20).map { "word \($0)" })
        #expect(try self.seqs(shard, .word("word")).count == 20)
        shard.pending += [.trim(general, through: 10)]
        shard.index = shard.index.next()
        try shard.write()
        #expect(try self.seqs(shard, .word("word")) == Array((11...21).reversed()))
    }

    @Test func `an index built anew finds the same`() throws {
        var chance = SeededGenerator(seed: 11)
        let vocabulary = (0..<60).map { "w\($0)" } + ["数据", "会議", "café"]
        var shard = try self.folder.shard([])
        for _ in 0..<300 {
            let count = Int(chance.next() % 6) + 1
            shard.post((0..<count).map { _ in vocabulary[Int(chance.next() % 63)] }.joined(separator: " "))
            if chance.next() % 40 == 0 {
                try shard.write()
                if chance.next() % 2 == 0 { try shard.projection.index() }
            }
        }
        try shard.write()
        let requests = (0..<200).map { _ in
            self.request(
                [.word(vocabulary[Int(chance.next() % 63)])], excluding: [.word(vocabulary[Int(chance.next() % 63)])])
        }
        let before = try requests.map { try self.hits(shard, $0) }
        #expect(before.contains { !$0.isEmpty })
        try shard.projection.rebuildIndex()
        #expect(try requests.map { try self.hits(shard, $0) } == before)
        // And once more from a file that was closed with nothing indexed.
        try shard.projection.rebuildIndex()
        try shard.projection.close()
        let again = try Shard(self.folder.file)
        #expect(again.projection.wantsIndexing)
        #expect(try requests.map { try self.hits(again, $0) } == before)
    }

    @Test func `a search does not wait for an index that is far behind`() throws {
        var shard = try self.folder.shard([])
        for number in 0...SearchIndex.lagMax { shard.post("m\(number)") }
        try shard.write()
        let search = ShardSearch(
            channels: [.init(id: general, head: .max)], request: self.request([.word("m7")]))
        #expect(try shard.projection.answer(.search(search)) == .hits([], isComplete: false))
        while try shard.projection.index() {}
        #expect(try self.seqs(shard, .word("m7")) == [9])
    }

    @Test func `a highlight is escaped, marked and short`() throws {
        let shard = try self.folder.shard(["<b>fox</b> & \"more\" 'x'", String(repeating: "y", count: 500) + " fox"])
        let hits = try self.hits(shard, self.request([.word("fox")]))
        #expect(hits[1].highlight == "&lt;b&gt;<mark>fox</mark>&lt;/b&gt; &amp; &quot;more&quot; &#39;x&#39;")
        // It begins near what was found.
        #expect(hits[0].highlight == "…" + String(repeating: "y", count: 59) + " <mark>fox</mark>")
        #expect(
            Highlight.html(String(repeating: "é", count: 120) + "\u{1}x\u{2}")
                == "…" + String(repeating: "é", count: 60) + "<mark>x</mark>")
        #expect(
            Highlight.html(String(repeating: "é", count: 119) + "\u{1}x\u{2}")
                == String(repeating: "é", count: 119) + "<mark>x</mark>")
        #expect(Highlight.html("\u{1}a\u{1}b") == "<mark>ab</mark>" && Highlight.html("a\u{2}") == "a")
    }

    /// A search has a second; to choose the best piece of each of these would take three and more.
    @Test func `a page of texts that are one word three thousand times is found whole`() throws {
        let texts = (0..<50).map { "\($0) " + String(repeating: "long ", count: 3_200) }
        let shard = try self.folder.shard(texts)
        let hits = try self.hits(shard, self.request([.word("long")]))
        #expect(hits.count == 50)
        for hit in hits { #expect(hit.highlight.contains("<mark>long</mark>") && hit.highlight.contains("…")) }
    }
}
