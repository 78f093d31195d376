import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

@Suite struct MessageIndexTests {
    /// What an index should say, by looking at every mark.
    struct Plain {
        var marks: [MessageIndex.Mark] = []
        var floor: UInt64 = 0
        var head: UInt64 { UInt64(self.marks.count) }

        func above(_ seq: UInt64) -> [(seq: UInt64, mark: MessageIndex.Mark)] {
            let start = Int(min(max(seq, self.floor), self.head))
            return self.marks[start...].enumerated().map { (UInt64(start + $0.offset) + 1, $0.element) }
        }

        /// As restored from runs: nothing at or below the floor was ever there.
        func restored() -> MessageIndex {
            var index = MessageIndex(floor: self.floor)
            for (_, mark) in self.above(self.floor) { index.append(mark) }
            return index
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `an index says what a plain list of marks says`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var plain = Plain()
        var index = MessageIndex()
        var now = Timestamp(milliseconds: 1_750_000_000_000)
        for step in 1...100_000 {
            switch random.next() % 100 {
            case 0..<80:
                // Now and then a pause that a block's 32 bits do not hold.
                now = now.advanced(byMilliseconds: Int64(random.next() % (step % 997 == 0 ? 10_000_000_000 : 5000)))
                let isMessage = random.next() % 8 != 0
                let root = plain.head > 0 && random.next() % 6 == 0 ? random.next() % plain.head + 1 : nil
                let mark = MessageIndex.Mark(
                    author: isMessage ? user(random.next() % 9) : nil, at: now, root: isMessage ? root : nil,
                    isBroadcast: isMessage && random.next() % 40 == 0, mentions: isMessage && random.next() % 9 == 0)
                plain.marks.append(mark)
                index.append(mark)
            case 80..<95:
                let seq = random.next() % (plain.head + 2)
                index.setDeleted(seq)
                if seq > plain.floor, seq <= plain.head, plain.marks[Int(seq) - 1].author != nil {
                    plain.marks[Int(seq) - 1].isDeleted = true
                }
            case 95..<98:
                let seq = random.next() % (plain.head + 2)
                let on = random.next() % 2 == 0
                index.setBroadcast(seq, on)
                if seq > plain.floor, seq <= plain.head, plain.marks[Int(seq) - 1].author != nil {
                    plain.marks[Int(seq) - 1].isBroadcast = on
                }
            default:
                guard step % 50 == 0 else { continue }
                let seq = min(plain.floor + random.next() % 700, plain.head)
                index.trim(through: seq)
                plain.floor = max(plain.floor, seq)
            }
            if step % 500 == 0 { self.compare(index, plain, &random) }
        }
        #expect(index == plain.restored())
    }

    private func compare(_ index: MessageIndex, _ plain: Plain, _ random: inout SeededGenerator) {
        #expect(index.head == plain.head && index.floor == plain.floor)
        // Often near the head, where the counts are asked.
        let back = random.next() % 2 == 0 ? random.next() % 600 : random.next() % (plain.head + 1)
        let after = plain.head - min(back, plain.head)
        let someone = user(random.next() % 10)
        let later = plain.above(after)
        let live = later.filter { $0.mark.author != nil && !$0.mark.isDeleted }
        #expect(index.messages(after: after) == UInt32(live.count))
        #expect(
            index.broadcasts(after: after, notBy: someone)
                == live.filter { $0.mark.isBroadcast && $0.mark.author != someone }.map(\.seq))
        #expect(index.lastMessage(by: someone) == plain.above(0).last { $0.mark.author == someone }?.seq)
        let end = min(plain.head, after + random.next() % 900)
        let examined = 1 + random.next() % 300
        let (seqs, reached) = index.seqs(by: someone, after: after, through: end, limit: 7, examining: examined)
        let own = live.filter { $0.mark.author == someone && $0.seq <= end }
        #expect(seqs.count <= 7 && seqs == own.map(\.seq).filter { $0 <= reached })
        #expect(reached == end || seqs.count == 7 || reached - max(after, plain.floor) == examined)
        let root = random.next() % (plain.head + 2)
        #expect(
            index.lastLiveReply(to: root)
                == plain.above(0).last { $0.mark.root == root && root > 0 && !$0.mark.isDeleted }?.seq)
        #expect(index.replies(to: root) == plain.above(0).filter { $0.mark.root == root && root > 0 }.map(\.seq))
        let time = plain.marks.isEmpty ? .zero : plain.marks[Int(random.next() % plain.head)].at
        #expect(
            index.firstSeq(since: time) == plain.above(0).first { $0.mark.at >= time }?.seq ?? plain.head + 1)
        for seq in [0, plain.floor, plain.floor + 1, after, plain.head, plain.head + 1] {
            let isKnown = seq > plain.floor && seq <= plain.head
            #expect(index[seq] == (isKnown ? plain.marks[Int(seq) - 1] : nil), "seq \(seq)")
        }
    }

    @Test func `an index that ran on equals the one restored above its floor, and no other`() {
        var ran = MessageIndex()
        var restored = MessageIndex(floor: 300)
        for seq in 1...1000 as ClosedRange<UInt64> {
            let mark = MessageIndex.Mark(
                author: user(1000 - seq), at: Timestamp(milliseconds: Int64(seq)), root: seq > 700 ? 400 : nil)
            ran.append(mark)
            if seq > 300 { restored.append(mark) }
        }
        #expect(ran != restored)
        ran.trim(through: 300)
        #expect(ran == restored && ran.messages(after: 0) == 700 && ran.replies(to: 400).count == 300)
        restored.setDeleted(900)
        #expect(ran != restored)
        ran.setDeleted(900)
        ran.setDeleted(900)
        #expect(ran == restored && ran.messages(after: 0) == 699)
    }

    @Test func `all may be trimmed and the numbers go on`() {
        var index = MessageIndex()
        for _ in 1...256 { index.append(MessageIndex.Mark(author: user(1), at: .zero, root: nil, isBroadcast: true)) }
        index.trim(through: 9999)
        #expect(index.floor == 256 && index.isEmpty && index[256] == nil && index.messages(after: 0) == 0)
        #expect(index.lastMessage(by: user(1)) == nil && index.broadcasts(after: 0, notBy: user(2)) == [])
        index.append(MessageIndex.Mark(author: user(1), at: .zero, root: 3))
        #expect(index.head == 257 && index.messages(after: 0) == 1 && index[257]?.root == 3)
        #expect(index.replies(to: 3) == [257])
    }

    @Test func `times that no log gives are kept as they are`() {
        var index = MessageIndex()
        let times = [0, .max, .min, 5].map { Timestamp(milliseconds: $0) }
        for time in times { index.append(MessageIndex.Mark(author: nil, at: time, root: 7)) }
        #expect((1...4).map { index[$0]?.at } == times)
        #expect(index[1]?.root == nil && index.messages(after: 0) == 0)
    }
}
