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

    @Test(arguments: [nil, "c"])
    func `a message from its command's bytes is queued as its event`(clientID: String?) throws {
        let content = MessageContent(plain: "ä text", clientID: clientID, thread: nil)
        let actor = Actor(user: user(1), role: .member, session: SessionID(high: 3, low: 1))
        let bytes = LoggedCommand(
            at: Timestamp(milliseconds: 7),
            command: .postMessage(general, content, by: actor, IdempotencyKey(user: user(1), key: "k", fingerprint: 3))
        ).encoded
        let post = try #require(LoggedPost(encoded: bytes))
        let event = post.event(seq: 5, at: Timestamp(milliseconds: 8), of: bytes)
        let key = StoredKey(high: 1, low: 2, fingerprint: 3)
        var queue = QueuedRows()
        queue.append(PlainMessage(seq: 5, mark: MessageIndex.Mark(event), key: key), post, of: bytes)
        let whole = QueuedRows([.event(event, idempotency: key)])
        #expect(queue.bodies.bytes == whole.bodies.bytes && queue.heads.map(\.end) == whole.heads.map(\.end))
        #expect(try queue.changes() == [.event(event, idempotency: key)])
    }
}
