import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// A machine from the file, at the node's start. The log's tail is applied to it afterwards.

extension ShardProjection {
    /// - Parameter machine: One that has applied nothing, of this shard.
    package func load(into machine: inout ShardMachine) throws(ProjectionError) {
        precondition(machine.shard == self.shard, "projection of \(self.shard), machine of \(machine.shard)")
        // On a copy: a file that turns out to be damaged half way leaves the caller's machine as it was.
        let empty = machine
        let numbers = self.channelNumbers.sorted { $0.value < $1.value }
        machine = try self.read { db in
            var loaded = empty
            try Self.loadRecords(db, into: &loaded)
            var keys: [(key: StoredKey, channel: ChannelID, seq: UInt64, at: Timestamp)] = []
            let horizon = loaded.keysForgottenThrough
            for (channel, number) in numbers {
                let runs = try Row.fetchCursor(
                    db.cachedStatement(
                        sql: "SELECT id, count, head FROM run WHERE id BETWEEN ? AND ? ORDER BY id"),
                    arguments: [EventRow.id(number, 0), EventRow.id(number, .max)])
                while let row = try runs.next() {
                    let (id, count): (Int64, Int64) = (row[0], row[1])
                    let first = EventRow.seq(id)
                    let entries = try EventRun.entries(Self.bytes(row, 2), first: first, count: count)
                    try loaded.restore(.run(channel, first: first, entries.map(\.mark)))
                    for (place, entry) in entries.enumerated() where entry.mark.at > horizon {
                        guard let key = entry.key else { continue }
                        keys.append((key, channel, first + UInt64(place), entry.mark.at))
                    }
                }
            }
            keys.sort { ($0.at, $0.channel, $0.seq) < ($1.at, $1.channel, $1.seq) }
            for entry in keys { try loaded.restore(.key(entry.key, entry.channel, seq: entry.seq, at: entry.at)) }
            guard
                let mark = try Row.fetchOne(db, sql: "SELECT applied_index, state_hash FROM mark")
            else { throw ProjectionError.corrupt(path: self.path, detail: "no mark") }
            let (index, hash): (Int64, Int64) = (mark[0], mark[1])
            loaded.finishRestoring(
                appliedIndex: LogIndex(UInt64(bitPattern: index)), stateHash: UInt64(bitPattern: hash))
            return loaded
        }
    }

    private static func loadRecords(_ db: Database, into machine: inout ShardMachine) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT kind, key, value FROM record ORDER BY kind, key")
        while let row = try rows.next() {
            let raw: Int64 = row[0]
            guard let kind = UInt8(exactly: raw).flatMap(RecordKind.init(rawValue:)) else {
                throw RestoreError.unknownKind(UInt8(truncatingIfNeeded: raw))
            }
            try machine.restore(.record(kind, key: Self.bytes(row, 1), value: Self.bytes(row, 2)))
        }
    }
}
