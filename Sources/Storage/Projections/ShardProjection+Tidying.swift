import GRDB

// What was erased goes from the index and from the file's log too.

extension ShardProjection {
    /// Makes room and forgets for good what was erased: work for a thread that nobody waits for, before a checkpoint. In
    /// transactions of some milliseconds, so that the shard's rows go on between them.
    ///
    /// Erasing for good takes room before it gives some. On a full disk it is left for a later time, which its marks remind
    /// of: the checkpoint behind it lets the shard's log be cut, and that is where room comes from.
    package func tidy() throws(ProjectionError) {
        do {
            try self.indexWhatWasErased()
            try self.forgetErasedWords(pages: Self.pagesMergedAtOnce)
            try self.giveBackPages()
        } catch {
            let error = ProjectionError(error, path: self.path)
            guard case .diskFull = error else { throw error }
        }
    }

    /// Whether something of what was erased may still be in the file, its index or its log: it is tidied again then.
    package func holdsErased() throws(ProjectionError) -> Bool {
        // What is not indexed yet may take words out of the index.
        guard !self.wantsIndexing else { return true }
        return try self.maintain { db in
            try SearchTodo.has(.logHoldsErased, db) || SearchTodo.has(.indexHoldsErased, db)
        }
    }

    /// Steps of the index that are waited for.
    private static let tidyStepsMax = 4
    private static let pagesMergedAtOnce = 512
    /// Pages at the end of the file that are given back at once: some tens of milliseconds.
    private static let pagesGivenBackMax = 8_000

    /// Nearly always there is nothing left to do: steps follow every write.
    private func indexWhatWasErased() throws(ProjectionError) {
        guard self.wantsIndexing, try self.maintain({ db in try SearchTodo.has(.logHoldsErased, db) }) else { return }
        for _ in 0..<Self.tidyStepsMax where try self.indexStep().isBehind == false { return }
    }

    /// Words of deleted messages stand in the index's older segments until those are merged into one: SQLite's FTS5,
    /// section 6.6.
    ///
    /// - Parameters:
    ///   - pages: written by each step, about.
    ///   - between: called between steps, for tests.
    /// - Returns: how many steps it took. Beside writes that never end there is always something to merge: what took many more
    ///   steps than the file has pages goes on the next time.
    @discardableResult
    func forgetErasedWords(pages: Int, between: () throws -> Void = {}) throws -> Int {
        var steps = 0
        // On the writer: a shard that nobody reads needs no reader for this. Without a change nothing is written.
        let (found, stepsMax) = try self.maintain { db in
            let pagesOfAll = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            return (try SearchTodo.count(of: .indexHoldsErased, db), 16 + 2 * pagesOfAll / max(pages, 1))
        }
        guard let noted = found else { return 0 }
        var hasWork = true
        while hasWork {
            guard steps < stepsMax else { return steps }
            // A negative number takes all segments there are, a positive one goes on with them. The statement itself
            // counts as one change.
            let step = steps == 0 ? -pages : pages
            hasWork = try self.change { db in
                let before = db.totalChangesCount
                try db.cachedStatement(sql: "INSERT INTO search (search, rank) VALUES ('merge', ?)")
                    .execute(arguments: [step])
                return db.totalChangesCount - before > 1
            }
            steps += 1
            try between()
        }
        try self.change { db in
            try SearchTodo.note(.logHoldsErased, db)
            // What was erased meanwhile may stand in segments that were not there at the first step: the next time.
            guard try SearchTodo.count(of: .indexHoldsErased, db) == noted else { return }
            try SearchTodo.remove(.indexHoldsErased, db)
        }
        return steps
    }

    /// What was trimmed or erased leaves free pages. A few are kept for what comes next.
    private func giveBackPages() throws(ProjectionError) {
        try self.maintain { db in
            let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            guard free > 256 else { return }
            try db.execute(sql: "PRAGMA incremental_vacuum(\(min(free, Self.pagesGivenBackMax)))")
        }
    }

    /// Behind a checkpoint the file's log begins anew, and what it held stays there until it is written over. Where that
    /// was erased it is emptied at once, unless somebody reads just now: then at the next checkpoint.
    func emptyLogOfErased() throws(ProjectionError) {
        try self.maintain { db in
            guard try SearchTodo.has(.logHoldsErased, db), !(try SearchTodo.has(.indexHoldsErased, db)) else { return }
            // A checkpoint never waits for a reader.
            try db.execute(sql: "PRAGMA busy_timeout = 0")
            let row = Result { try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
            try db.execute(sql: "PRAGMA busy_timeout = \(Self.busyMilliseconds)")
            guard let row = try row.get(), row[0] as Int64 == 0 else { return }
            try SearchTodo.remove(.logHoldsErased, db)
        }
    }
}
