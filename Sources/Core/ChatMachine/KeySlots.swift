/// Where keys stand that are kept elsewhere, in the order of their arrival: their numbers by their hashes, 8 bytes a slot.
///
/// A table with linear probing (Knuth, The Art of Computer Programming 3, 6.4, algorithms L and R): a key that is new, as
/// nearly all are, takes one look at one place of memory, and that place takes it. A dictionary looks at three.
struct KeySlots: Sendable {
    /// 0: free. Else 31 bits of the hash below a set bit, then the number.
    private var slots: [UInt64] = Array(repeating: 0, count: 16)
    private(set) var count = 0

    private var mask: Int { self.slots.count - 1 }

    /// - Parameter isKey: whether the key with this number is the one that is looked for.
    func number(ofHash hash: UInt64, where isKey: (UInt32) -> Bool) -> UInt32? {
        let tag = Self.tag(hash)
        return self.slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            var place = Int(tag) & mask
            while slots[place] != 0 {
                let number = UInt32(truncatingIfNeeded: slots[place])
                if slots[place] >> 32 == tag, isKey(number) { return number }
                place = (place + 1) & mask
            }
            return nil
        }
    }

    /// - Precondition: the key is not there.
    mutating func insert(_ number: UInt32, hash: UInt64) {
        if (self.count + 1) * 8 > self.slots.count * 5 { self.grow() }
        self.put(Self.tag(hash) << 32 | UInt64(number))
        self.count += 1
    }

    /// Removes a number that is there; another one changes nothing.
    mutating func remove(_ number: UInt32, hash: UInt64) {
        let slot = Self.tag(hash) << 32 | UInt64(number)
        let mask = self.mask
        var hole = Self.home(slot, mask)
        while self.slots[hole] != slot {
            guard self.slots[hole] != 0 else { return }
            hole = (hole + 1) & mask
        }
        // What follows without a gap moves up where it may: nobody's search may end at the hole before it has come to it.
        var place = hole
        while true {
            place = (place + 1) & mask
            let moved = self.slots[place]
            guard moved != 0 else { break }
            guard (place - Self.home(moved, mask)) & mask >= (place - hole) & mask else { continue }
            self.slots[hole] = moved
            hole = place
        }
        self.slots[hole] = 0
        self.count -= 1
    }

    mutating func prefetch(hash: UInt64) {
        let place = Int(Self.tag(hash)) & self.mask
        withUnsafePointer(to: &self.slots) { Prefetch.array($0, at: place) }
    }

    private mutating func grow() {
        let old = self.slots
        self.slots = Array(repeating: 0, count: 2 * old.count)
        for slot in old where slot != 0 { self.put(slot) }
    }

    private mutating func put(_ slot: UInt64) {
        let mask = self.mask
        var place = Self.home(slot, mask)
        while self.slots[place] != 0 { place = (place + 1) & mask }
        self.slots[place] = slot
    }

    private static func tag(_ hash: UInt64) -> UInt64 { hash >> 32 | 1 << 31 }
    private static func home(_ slot: UInt64, _ mask: Int) -> Int { Int(slot >> 32) & mask }
}
