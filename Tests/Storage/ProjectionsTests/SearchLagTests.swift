import ChatMachine
import ChatModel
import ClusterModel
import Failpoints
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Projections

/// An index that is behind, is built anew, or was cut off: nothing is missing without a word.
@Suite struct SearchLagTests {
    private let folder: Folder

    init() throws { self.folder = try Folder() }

    private func search(_ word: String, limit: UInt32 = 200) -> HistoryRequest {
        let terms = [SearchTerm(words: .word(word), isExcluded: false)]
        return .search(
            ShardSearch(
                channels: [.init(id: general, head: .max)],
                request: SearchRequest(terms: terms, channels: [], limit: limit)))
    }

    private func seqs(_ answer: QueryAnswer) -> [UInt64]? {
        guard case .hits(let hits, isComplete: true) = answer else { return nil }
        return hits.map(\.message.id.seq)
    }

    // MARK: Building anew

    @Test func `while the index is built anew a search finds everything or says that it can not`() throws {
        let shard = try self.folder.shard((0..<SearchIndex.lagMax + 500).map { "oak \($0)" })
        while try shard.projection.index() {}
        let before = try #require(self.seqs(try shard.projection.answer(self.search("oak"))))
        #expect(before.count == 200)
        try shard.projection.rebuildIndex()
        var refused = 0
        for _ in 0..<100 {
            let answer = try shard.projection.answer(self.search("oak"))
            if answer == .hits([], isComplete: false) { refused += 1 } else { #expect(self.seqs(answer) == before) }
            guard try shard.projection.index() else { break }
        }
        #expect(refused > 0)
        #expect(self.seqs(try shard.projection.answer(self.search("oak"))) == before)
    }

    @Test func `an index that was emptied between a search's two looks is not taken for a whole one`() throws {
        let shard = try self.folder.shard(["elm"])
        #expect(self.seqs(try shard.projection.answer(self.search("elm"))) == [2])
        try shard.projection.rebuildIndex()
        // As a search sees it that found nothing to catch up with a moment ago.
        shard.projection.noteIndexed(rows: 0, isBehind: false, isMore: false)
        #expect(try shard.projection.answer(self.search("elm")) == .hits([], isComplete: false))
        shard.projection.noteIndexing(rows: 1)
        #expect(self.seqs(try shard.projection.answer(self.search("elm"))) == [2])
    }

    @Test func `what was trimmed does not keep what was written from being found`() throws {
        var shard = try self.folder.shard((0..<1_500).map { "ash \($0)" })
        while try shard.projection.index() {}
        shard.pending.append(.trim(general, through: 1_400))
        shard.index = shard.index.next()
        shard.post("yew")
        try shard.write()
        #expect(self.seqs(try shard.projection.answer(self.search("yew"))) == [1_502])
        #expect(shard.projection.wantsIndexing, "the index forgets what was trimmed by and by")
        #expect(self.seqs(try shard.projection.answer(self.search("ash")))?.count == 101)
        while try shard.projection.index() {}
        let left = try shard.projection.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM searchable") }
        #expect(left == 102)
    }

    @Test func `a search beside a step of the index misses nothing`() throws {
        var shard = try self.folder.shard([])
        let projection = shard.projection
        let isOver = Mutex(false)
        let hasEnded = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while !isOver.withLock({ $0 }) {
                do { try projection.index() } catch { Issue.record("\(error)") }
            }
            hasEnded.signal()
        }
        for number in 1...400 {
            shard.post("fir\(number)")
            try shard.write()
            // At another moment of the step each time.
            for _ in 0..<number % 50 * 20 { _ = projection.indexLag }
            let found = self.seqs(try projection.answer(self.search("fir\(number)")))
            #expect(found == [UInt64(number + 1)])
        }
        isOver.withLock { $0 = true }
        hasEnded.wait()
    }

    // MARK: How far it is behind

    @Test func `the lag is told in messages and by when there was none`() throws {
        var shard = try self.folder.shard([])
        while try shard.projection.index() {}
        #expect(shard.projection.indexLag == IndexLag())
        let start = ContinuousClock.now
        let count = SearchIndex.stepMax + 44
        for number in 0..<count { shard.post("m\(number)") }
        try shard.write()
        var lag = shard.projection.indexLag
        #expect(lag.rows >= count)
        let since = try #require(lag.since)
        #expect(since >= start && since <= .now)
        // What comes later does not make the oldest younger.
        shard.post("later")
        try shard.write()
        #expect(shard.projection.indexLag.since == since && shard.projection.indexLag.rows > lag.rows)
        lag = shard.projection.indexLag
        #expect(try shard.projection.index())
        #expect(shard.projection.indexLag.rows < lag.rows && shard.projection.indexLag.since == since)
        while try shard.projection.index() {}
        #expect(shard.projection.indexLag == IndexLag())
        try shard.projection.rebuildIndex()
        #expect(shard.projection.indexLag.rows == count + 2 && shard.projection.indexLag.since != nil)
        try shard.projection.close()
        let again = try Shard(self.folder.file)
        #expect(again.projection.indexLag.rows == count + 2 && again.projection.indexLag.since != nil)
    }

    // MARK: Cut off

    /// Where a process that is to end leaves its file for the one that started it.
    private static func crashFile(_ process: Int32) -> String {
        NSTemporaryDirectory() + "search-crash-\(process).sqlite"
    }

    @Test(.enabled(if: Failpoints.isCompiledIn))
    func `a process that ends between the rows and the index leaves nothing unfound`() async throws {
        let file = Self.crashFile(getpid())
        defer {
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + suffix) }
        }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            Failpoints.install { _, _ in kill(getpid(), SIGKILL) }
            var shard = try Shard(SearchLagTests.crashFile(getppid()))
            shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
            for number in 0..<40 { shard.post("maple \(number)") }
            try shard.write()
            while try shard.projection.index() {}
            for number in 0..<SearchIndex.stepMax + 44 { shard.post("cedar \(number)") }
            try shard.write()
            // The second of two steps, so that one is done and one is not.
            Failpoints.arm(.searchIndexBefore, .init(.crash, hit: 2))
            while try shard.projection.index() {}
        }
        let shard = try Shard(file)
        #expect(shard.projection.wantsIndexing && shard.projection.indexLag.rows > 0)
        #expect(self.seqs(try shard.projection.answer(self.search("cedar")))?.count == 200)
        let indexed = try shard.projection.read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM search WHERE search MATCH 'maple OR cedar'")
        }
        #expect(indexed == SearchIndex.stepMax + 84)
        #expect(shard.projection.indexLag == IndexLag() && !shard.projection.wantsIndexing)
    }

    // MARK: Erased

    @Test(arguments: [true, false])
    func `words of a deleted message are in no file after a checkpoint`(isIndexedBefore: Bool) throws {
        var shard = try self.folder.shard(["one before", "the qxqsecretzvz was here", "one behind"])
        let message = MessageID(channel: general, seq: 3)
        for (version, text) in [(5, "edited qxqotherzvz"), (6, "edited qxqthirdzvz")] as [(UInt64, String)] {
            let snapshot = MessageSnapshot(
                content: MessageContent(text: text, clientID: nil, thread: nil), editedAt: .zero, version: version)
            shard.pending.append(.keep(.messageText, key: ItemKey.of(message), value: snapshot.encoded))
            shard.index = shard.index.next()
            if isIndexedBefore { try shard.projection.index() }
            try shard.write()
        }
        #expect(self.seqs(try shard.projection.answer(self.search("qxqthirdzvz"))) == [3])
        try shard.projection.tidy()
        _ = try shard.projection.checkpoint()
        for word in ["qxqsecretzvz", "qxqthirdzvz"] { #expect(try self.holds(word)) }
        shard.pending += [
            .put(
                kind: .messageState, key: ItemKey.of(message),
                value: MessageStateRecord(deletedAt: .zero, deletedBy: user(1)).encoded), .erase(general, seqs: [3]),
        ]
        shard.index = shard.index.next()
        try shard.write()
        if isIndexedBefore { while try shard.projection.index() {} }
        try shard.projection.tidy()
        _ = try shard.projection.checkpoint()
        for word in ["qxqsecretzvz", "qxqotherzvz", "qxqthirdzvz"] {
            #expect(try !self.holds(word), "\(word)")
            #expect(try !self.holds(String(word.dropFirst(3))), "a part of \(word)")
        }
        #expect(try self.holds("one behind"))
        #expect(self.seqs(try shard.projection.answer(self.search("one"))) == [4, 2])
        // A second one has nothing to do.
        let size = try self.logSize()
        try shard.projection.tidy()
        _ = try shard.projection.checkpoint()
        #expect(try self.logSize() == size)
    }

    @Test func `words are forgotten in small steps, and those of a message that goes meanwhile the next time`() throws {
        var shard = try self.folder.shard(
            (0..<6_000).map { "word\($0) word\($0 * 7 % 5_000) and more" } + ["qxqfirstzvz"])
        while try shard.projection.index() {}
        shard.post("qxqsecondzvz")
        try shard.write()
        while try shard.projection.index() {}
        func delete(_ seq: UInt64) throws {
            let state = MessageStateRecord(deletedAt: .zero, deletedBy: user(1)).encoded
            shard.pending += [
                .put(
                    kind: .messageState, key: ItemKey.of(MessageID(channel: general, seq: seq)), value: state),
                .erase(general, seqs: [seq]),
            ]
            shard.index = shard.index.next()
            try shard.write()
            while try shard.projection.index() {}
        }
        try delete(6_002)
        var isFirst = true
        let steps = try shard.projection.forgetErasedWords(pages: 2) {
            if isFirst { try delete(6_003) }
            isFirst = false
        }
        #expect(steps > 5)
        try shard.projection.tidy()
        _ = try shard.projection.checkpoint()
        for word in ["qxqfirstzvz", "qxqsecondzvz"] { #expect(try !self.holds(word), "\(word)") }
        #expect(try shard.projection.forgetErasedWords(pages: 8) == 0)
        #expect(self.seqs(try shard.projection.answer(self.search("word4999")))?.isEmpty == false)
    }

    private func logSize() throws -> Int { try Data(contentsOf: URL(fileURLWithPath: self.folder.file + "-wal")).count }

    /// Whether these bytes stand anywhere in the projection's files.
    private func holds(_ word: String) throws -> Bool {
        try ["", "-wal"].contains { suffix in
            let path = self.folder.file + suffix
            guard FileManager.default.fileExists(atPath: path) else { return false }
            return try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data(word.utf8)) != nil
        }
    }
}
