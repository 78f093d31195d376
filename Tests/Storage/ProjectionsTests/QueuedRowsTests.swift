import ChatMachine
import ChatModel
import ClusterModel
import Testing

@testable import Projections

@Suite struct QueuedRowsTests {
    private func changes(_ count: Int, seed: UInt64) -> [RowChange] {
        var chance = SeededGenerator(seed: seed)
        return (1...count).map { number in
            switch chance.next() % 3 {
            case 0: .put(kind: .clock, key: [], value: [UInt8(number & 255)])
            case 1: .delete(kind: .member, key: [UInt8(number & 255)])
            default:
                .event(
                    DurableEvent(
                        channel: general, seq: UInt64(number), at: Timestamp(milliseconds: Int64(number)),
                        actor: user(UInt64(number % 3)),
                        body: .messageCreated(
                            MessageContent(
                                text: String(repeating: "ä", count: number), clientID: number % 2 == 0 ? "c" : nil,
                                thread: nil))),
                    idempotency: number % 2 == 0 ? StoredKey(high: 1, low: UInt64(number), fingerprint: 3) : nil)
            }
        }
    }

    /// As a queue gives them back: events first, each kind in its order.
    private func eventsFirst(_ changes: [RowChange]) -> [RowChange] {
        func isEvent(_ change: RowChange) -> Bool { if case .event = change { true } else { false } }
        return changes.filter(isEvent) + changes.filter { !isEvent($0) }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `rows taken in parts are the rows that were queued`(seed: UInt64) throws {
        let changes = self.changes(40, seed: seed)
        var chance = SeededGenerator(seed: seed)
        var queue = QueuedRows()
        var marks: [(place: QueuedRows.Place, count: Int)] = []
        for (number, change) in changes.enumerated() {
            queue.append(change)
            if chance.next() % 4 == 0 { marks.append((queue.end, number + 1)) }
        }
        var from = 0
        for mark in marks + [(queue.end, changes.count)] {
            let part = queue.takeFirst(through: mark.place)
            #expect(part.count == mark.count - from)
            #expect(try part.changes() == self.eventsFirst(Array(changes[from..<mark.count])))
            #expect(queue.count == changes.count - mark.count)
            from = mark.count
        }
        #expect(queue.isEmpty)
        // What comes later counts on.
        queue.append(changes[0])
        #expect(queue.end.count == changes.count + 1)
        #expect(try queue.takeFirst(through: queue.end).changes() == [changes[0]])
    }

    /// An entry of one plain message, and what it becomes.
    private struct Plain {
        let bytes: [UInt8]
        let post: LoggedPost
        let message: PlainMessage
        let event: DurableEvent

        init(seq: UInt64, clientID: String? = nil) throws {
            let content = MessageContent(plain: "ä text \(seq)", clientID: clientID, thread: nil)
            let actor = Actor(user: user(seq % 3 + 1), role: .member, session: SessionID(high: 3, low: 1))
            self.bytes =
                LoggedCommand(
                    at: Timestamp(milliseconds: 7),
                    command: .postMessage(
                        general, content, by: actor, IdempotencyKey(user: actor.user, key: "k", fingerprint: 3))
                ).encoded
            self.post = try #require(LoggedPost(encoded: self.bytes))
            self.event = self.post.event(seq: seq, at: Timestamp(milliseconds: 8), of: self.bytes)
            self.message = PlainMessage(
                seq: seq, mark: MessageIndex.Mark(self.event), key: StoredKey(high: 1, low: seq, fingerprint: 3))
        }

        var row: RowChange { .event(self.event, idempotency: self.message.key) }
    }

    private func run(of rows: QueuedRows) -> EventRun {
        var run = EventRun()
        for head in rows.heads { run.append(head, of: rows) }
        return run
    }

    @Test(arguments: [nil, "c"])
    func `a message from its command's bytes is queued as its event`(clientID: String?) throws {
        let plain = try Plain(seq: 5, clientID: clientID)
        var queue = QueuedRows()
        queue.append(plain.message, plain.post, of: plain.bytes, at: LogIndex(9))
        let whole = QueuedRows([plain.row])
        #expect(self.run(of: queue).bodyBytes == self.run(of: whole).bodyBytes)
        #expect(self.run(of: queue).headBytes == self.run(of: whole).headBytes)
        #expect(try queue.changes() == [plain.row])
    }

    @Test func `an entry is kept once for all of its messages, and counted`() throws {
        let plain = try Plain(seq: 5)
        var queue = QueuedRows()
        for _ in 1...3 { queue.append(plain.message, plain.post, of: plain.bytes, at: LogIndex(9)) }
        #expect(queue.bodyBytes == plain.bytes.count)
        queue.append(plain.message, plain.post, of: plain.bytes, at: LogIndex(10))
        #expect(queue.bodyBytes == 2 * plain.bytes.count)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `messages in their entries are taken in parts as others are`(seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        var queue = QueuedRows()
        var rows: [RowChange] = []
        var taken = 0
        for seq in 1...40 as ClosedRange<UInt64> {
            let plain = try Plain(seq: seq)
            if chance.next() % 3 == 0 {
                queue.append(plain.row)
            } else {
                queue.append(plain.message, plain.post, of: plain.bytes, at: LogIndex(seq))
            }
            rows.append(plain.row)
            guard chance.next() % 4 == 0 else { continue }
            // What has been queued since the mark stays.
            let mark = queue.end
            let later = try Plain(seq: 100 + seq)
            queue.append(later.message, later.post, of: later.bytes, at: LogIndex(100 + seq))
            #expect(try queue.takeFirst(through: mark).changes() == Array(rows[taken...]))
            taken = rows.count
            rows.append(later.row)
        }
        #expect(try queue.takeFirst(through: queue.end).changes() == Array(rows[taken...]))
        #expect(queue.isEmpty && queue.bodyBytes == 0)
    }
}
