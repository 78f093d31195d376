import ClusterModel
import Testing

@testable import ChatMachine

@Suite struct KeySlotsTests {
    /// Hashes that crowd: few tags, most of them near the table's end, so that searches go round it.
    private static func hash(of number: UInt32) -> UInt64 { UInt64(number % 37 | 0xFFFF_FFC0) << 32 }

    @Test(arguments: [true, false])
    func `finds what a dictionary would, whatever comes and goes`(crowded: Bool) {
        var random = SeededGenerator(seed: 71)
        var slots = KeySlots()
        var live: [(number: UInt32, hash: UInt64)] = []
        var next: UInt32 = .max - 300
        for step in 0..<20_000 {
            // Grows for a time, then shrinks.
            let adds = step / 2_000 % 2 == 0 ? 3 : 1
            if Int(random.next() % 4) < adds, live.count < (crowded ? 90 : 2_000) {
                let hash = crowded ? Self.hash(of: next) : random.next()
                slots.insert(next, hash: hash)
                live.append((next, hash))
                next &+= 1
            } else if let place = live.indices.randomElement(using: &random) {
                let (number, hash) = live.remove(at: place)
                slots.remove(number, hash: hash)
                #expect(slots.number(ofHash: hash) { $0 == number } == nil)
            }
            #expect(slots.count == live.count)
            guard step % 50 == 0 else { continue }
            for (number, hash) in live { #expect(slots.number(ofHash: hash) { $0 == number } == number) }
        }
    }

    @Test func `removing what is not there changes nothing`() {
        var slots = KeySlots()
        slots.insert(1, hash: 5 << 32)
        slots.remove(2, hash: 5 << 32)
        slots.remove(1, hash: 6 << 32)
        #expect(slots.count == 1)
        #expect(slots.number(ofHash: 5 << 32) { _ in true } == 1)
    }

    @Test func `equal hashes are told apart by their keys`() {
        var slots = KeySlots()
        for number in 0..<UInt32(10) { slots.insert(number, hash: 9 << 32) }
        #expect(slots.number(ofHash: 9 << 32) { $0 == 7 } == 7)
        #expect(slots.number(ofHash: 9 << 32) { $0 == 10 } == nil)
    }
}
