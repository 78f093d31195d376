import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

@Suite struct TimerTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    @Test func `what is due first comes first, and once`() {
        var table = TimerTable()
        table.insert(.reminder, [2], due: self.at(30))
        table.insert(.scheduled, [1], due: self.at(10))
        table.insert(.scheduled, [1], due: self.at(10))
        table.insert(.reminder, [1], due: self.at(10))
        #expect(table.first?.kind == .scheduled)
        #expect(table.takeFirst(dueBy: self.at(9)) == nil)
        #expect(table.takeFirst(dueBy: self.at(10))?.kind == .scheduled)
        #expect(table.takeFirst(dueBy: self.at(10))?.kind == .reminder)
        #expect(table.takeFirst(dueBy: self.at(29)) == nil)
        table.remove(.reminder, [2], due: self.at(30))
        #expect(table.isEmpty)
    }

    @Test func `the order of insertion does not count`() {
        var random = SeededGenerator(seed: 9)
        var timers: [(TimerKind, [UInt8], Timestamp)] = []
        for _ in 0..<200 {
            timers.append(
                (
                    random.next() % 2 == 0 ? .scheduled : .retention, [UInt8(random.next() % 9)],
                    self.at(Int64(random.next() % 20))
                ))
        }
        var forward = TimerTable()
        var backward = TimerTable()
        for (kind, key, due) in timers { forward.insert(kind, key, due: due) }
        for (kind, key, due) in timers.reversed() { backward.insert(kind, key, due: due) }
        #expect(forward == backward)
        #expect(zip(forward.timers, forward.timers.dropFirst()).allSatisfy { $1 < $0 })
    }

    @Test func `what is inserted, removed and taken in any order comes as from a sorted list`() {
        var random = SeededGenerator(seed: 4)
        var table = TimerTable()
        var plain: [TimerTable.Timer] = []
        for _ in 1...3000 {
            let timer = TimerTable.Timer(
                due: self.at(Int64(random.next() % 40)), kind: random.next() % 2 == 0 ? .reminder : .redaction,
                key: [UInt8(random.next() % 7)])
            switch random.next() % 4 {
            case 0, 1:
                table.insert(timer.kind, timer.key, due: timer.due)
                if !plain.contains(timer) { plain.append(timer) }
            case 2:
                table.remove(timer.kind, timer.key, due: timer.due)
                plain.removeAll { $0 == timer }
            default:
                let first = plain.min()
                let isDue = first.map { $0.due <= timer.due } ?? false
                #expect(table.first == first)
                #expect(table.takeFirst(dueBy: timer.due) == (isDue ? first : nil))
                if isDue { plain.removeAll { $0 == first } }
            }
        }
        #expect(table.timers == plain.sorted().reversed())
    }

    @Test func `nothing due is nothing done`() {
        var rig = Rig.withRooms()
        let before = rig.machine.stateHash
        #expect(rig.machine.nextTimer == nil)
        #expect(rig.apply(.timersDue) == .done)
        #expect(rig.machine.stateHash == before)
    }
}
