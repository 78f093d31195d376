import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// Answers for which the table `item` is read.

extension ShardProjection {
    func answerFromItems(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer {
        switch request {
        case .edits(let message, let head):
            guard message.seq <= head else { return .refused(.notFound) }
            return .edits(try self.read { db in try ItemKey.edits(Self.items(ItemPage(editsOf: message), db)) })
        case .items(let page, let answer):
            return try self.read { db in
                let rows = try Self.items(page, db)
                let marks = try Self.readMarks(of: rows, page.kind, db)
                return try answer.answer(rows) { marks.contains($0) }
            }
        case .search(let search): return try self.hits(of: search)
        case .messages, .message, .events, .views, .thread: return .refused(.invalid)
        }
    }

    static func items(_ page: ItemPage, _ db: Database) throws -> [ItemRow] {
        let select = try db.cachedStatement(
            sql: """
                SELECT key, value FROM item WHERE kind = ? AND key >= ? AND key < ?
                ORDER BY key \(page.isDescending ? "DESC" : "ASC") LIMIT ?
                """)
        let rows = try Row.fetchCursor(
            select, arguments: [Int64(page.kind.rawValue), Data(page.from), Data(page.to), Int64(page.limit)])
        var items: [ItemRow] = []
        while let row = try rows.next() {
            items.append(ItemRow(key: try Self.bytes(row, 0), value: try Self.bytes(row, 1)))
        }
        return items
    }

    /// Which of these notifications have been read.
    private static func readMarks(of rows: [ItemRow], _ kind: ItemKind, _ db: Database) throws -> Set<[UInt8]> {
        guard kind == .notification, let first = rows.first?.key, let last = rows.last?.key else { return [] }
        let isAscending = first.lexicographicallyPrecedes(last)
        let select = try db.cachedStatement(sql: "SELECT key FROM item WHERE kind = ? AND key BETWEEN ? AND ?")
        let marks = try Row.fetchCursor(
            select,
            arguments: [
                Int64(ItemKind.notificationRead.rawValue), Data(isAscending ? first : last),
                Data(isAscending ? last : first),
            ])
        var keys: Set<[UInt8]> = []
        while let row = try marks.next() { keys.insert(try Self.bytes(row, 0)) }
        return keys
    }
}
