import CSearchTokenizer
import ChatMachine
import ChatModel
import ClusterModel
import GRDB

/// A message as the index has it.
struct SearchRow: Equatable {
    let place: Int64
    let author: UserID
    let at: Timestamp
    let features: UInt8
    let text: String

    static let link: UInt8 = 1
    static let file: UInt8 = 2
    static let pin: UInt8 = 4
    static let reaction: UInt8 = 8

    /// - Returns: nil for a message with nothing to find.
    init?(_ view: MessageView, place: Int64) {
        guard view.deletedAt == nil else { return nil }
        self.init(
            view.content, by: view.author, at: view.createdAt, place: place,
            (view.pinnedAt == nil ? 0 : Self.pin) | (view.reactions.isEmpty ? 0 : Self.reaction))
    }

    /// A message that nothing has become of since it was written.
    ///
    /// - Returns: nil for an event of another kind, and for a message with nothing to find.
    init?(_ event: DurableEvent, place: Int64) {
        guard case .messageCreated(let content) = event.body else { return nil }
        self.init(content, by: event.actor, at: event.at, place: place, 0)
    }

    private init?(_ content: MessageContent, by author: UserID, at: Timestamp, place: Int64, _ features: UInt8) {
        let hasFiles = !content.files.isEmpty
        guard hasFiles || !content.text.isEmpty else { return nil }
        let (isPlain, hasLink) = Self.scan(content.text)
        self.place = place
        self.author = author
        self.at = at
        self.features = features | (hasLink ? Self.link : 0) | (hasFiles ? Self.file : 0)
        self.text = isPlain ? content.text : Self.plain(content.text)
    }

    /// Without control characters: one would end a text early, two mark what was found.
    static func plain(_ text: String) -> String {
        guard !Self.scan(text).isPlain else { return text }
        return String(decoding: text.utf8.map { Self.isControl($0) ? 32 : $0 }, as: UTF8.self)
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 32 && byte != 10 }

    /// One way through the bytes: whether the text is plain, and whether `http://` or `https://` is in it.
    private static func scan(_ text: String) -> (isPlain: Bool, hasLink: Bool) {
        var text = text
        return text.withUTF8 { bytes in
            var isPlain = true
            var hasLink = false
            for place in bytes.indices {
                let byte = bytes[place]
                if Self.isControl(byte) { isPlain = false }
                if byte == UInt8(ascii: ":"), !hasLink { hasLink = Self.isLink(bytes, colon: place) }
            }
            return (isPlain, hasLink)
        }
    }

    private static func isLink(_ bytes: UnsafeBufferPointer<UInt8>, colon: Int) -> Bool {
        let slash = UInt8(ascii: "/")
        guard colon + 2 < bytes.count, bytes[colon + 1] == slash, bytes[colon + 2] == slash else { return false }
        return bytes[..<colon].suffix(4).elementsEqual("http".utf8)
            || bytes[..<colon].suffix(5).elementsEqual("https".utf8)
    }

    // Ids are times, so that the newest hits are the last rows: milliseconds << 20 | seq, and the next free one for
    // messages that would share it.
    static let millisecondsMax: Int64 = 1 << 42
    static func idsBegin(at time: Int64) -> Int64 { min(max(time, 0), Self.millisecondsMax) << 20 }
    var firstID: Int64 { Self.idsBegin(at: self.at.milliseconds) | (self.place & 0xF_FFFF) }
}

/// One row of the index that is not as it should be.
struct IndexChange {
    let id: Int64
    /// The text that the index has; nil when it has none.
    let old: String?
    let new: SearchRow?

    /// A message that the index does not have.
    init(_ new: SearchRow) {
        self.id = new.firstID
        self.old = nil
        self.new = new
    }

    /// What the index has of a message is not, or not all, of what it is now.
    init(id: Int64, old: String, new: SearchRow?) {
        self.id = id
        self.old = old
        self.new = new
    }

    /// Writes all of them, in the order of their ids: FTS5 writes its hash out whenever ids fall.
    static func write(_ changes: [IndexChange], _ db: Database) throws {
        guard !changes.isEmpty else { return }
        // Only keys are moved about.
        var order = changes.indices.map { (id: changes[$0].id, place: changes[$0].new?.place ?? 0, number: $0) }
        order.sort { ($0.id, $0.place) < ($1.id, $1.place) }
        let add = try db.cachedStatement(
            sql: """
                INSERT INTO searchable (id, place, author, has, text) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (id) DO NOTHING
                """)
        let learn = try db.cachedStatement(sql: Self.learnSQL)
        for (_, _, number) in order {
            let change = changes[number]
            if change.old == nil, let new = change.new {
                try Self.add(new, add, learn, db)
            } else {
                try change.write(db)
            }
        }
    }

    private static let learnSQL = "INSERT INTO search (rowid, text) VALUES (?, ?)"

    private static func add(_ new: SearchRow, _ add: Statement, _ learn: Statement, _ db: Database) throws {
        var id = new.firstID
        var text = new.text
        let author = (new.author.high.littleEndian, new.author.low.littleEndian)
        let code = text.withUTF8 { text in
            withUnsafeBytes(of: author) { author in
                text.withMemoryRebound(to: CChar.self) { text in
                    search_rows_add(
                        UnsafeMutableRawPointer(add.sqliteStatement), UnsafeMutableRawPointer(learn.sqliteStatement),
                        &id, new.place, author.baseAddress, Int64(new.features), text.baseAddress,
                        Int32(text.count))
                }
            }
        }
        guard code == 0 else {
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage, sql: add.sql)
        }
    }

    func write(_ db: Database) throws {
        guard let old = self.old else { return }
        guard let new = self.new else {
            try Self.forget(self.id, old, db)
            return try db.cachedStatement(sql: "DELETE FROM searchable WHERE id = ?").execute(arguments: [self.id])
        }
        let isOther = !old.utf8.elementsEqual(new.text.utf8)
        if isOther { try Self.forget(self.id, old, db) }
        try db.cachedStatement(sql: "UPDATE searchable SET has = ?, text = ? WHERE id = ?")
            .execute(arguments: [Int64(new.features), new.text, self.id])
        if isOther { try db.cachedStatement(sql: Self.learnSQL).execute(arguments: [self.id, new.text]) }
    }

    private static func forget(_ id: Int64, _ text: String, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO search (search, rowid, text) VALUES ('delete', ?, ?)")
            .execute(arguments: [id, text])
        try SearchTodo.note(.indexHoldsErased, db)
    }
}
