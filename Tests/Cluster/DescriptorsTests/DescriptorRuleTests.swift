import Descriptors
import Testing

@Suite struct DescriptorRuleTests {
    private func admission(_ use: DescriptorUse, free: Int, limit: Int = 1_024) -> DescriptorAdmission {
        DescriptorRule.admission(of: use, DescriptorCount(open: limit - free, limit: limit))
    }

    @Test func `clients are refused, then dropped, then held as descriptors run out`() {
        // The reserve of 1,024 is 128.
        #expect(self.admission(.clients, free: 128) == .admitted)
        #expect(self.admission(.clients, free: 127) == .refused)
        #expect(self.admission(.clients, free: 64) == .refused)
        #expect(self.admission(.clients, free: 63) == .dropped)
        #expect(self.admission(.clients, free: 8) == .dropped)
        #expect(self.admission(.clients, free: 7) == .held)
        #expect(self.admission(.clients, free: 0) == .held)
    }

    @Test func `other nodes are let in where clients are not any more`() {
        #expect(self.admission(.peers, free: 32) == .admitted)
        #expect(self.admission(.peers, free: 31) == .dropped)
        #expect(self.admission(.peers, free: 7) == .held)
        for limit in [64, 256, 1_024, 20_000, 1 << 20] {
            for free in 0...min(limit, 1_000) where self.admission(.clients, free: free, limit: limit) == .admitted {
                #expect(self.admission(.peers, free: free, limit: limit) == .admitted)
            }
        }
    }

    @Test func `a limit that was lowered below what is open leaves nothing free`() {
        #expect(DescriptorCount(open: 300, limit: 200).free == 0)
        #expect(DescriptorRule.admission(of: .peers, DescriptorCount(open: 300, limit: 200)) == .held)
    }

    @Test func `the reserve is an eighth of the limit within bounds`() {
        #expect(DescriptorRule.reserve(limit: 100) == 64)
        #expect(DescriptorRule.reserve(limit: 1_024) == 128)
        #expect(DescriptorRule.reserve(limit: 1 << 20) == 512)
    }

    @Test func `spares that were given up are not taken again before there is room for them and the reserve`() {
        for limit in [128, 256, 1_024, 20_000] {
            for free in 0...limit {
                let count = DescriptorCount(open: limit - free, limit: limit)
                guard DescriptorRule.holdsSpares(now: false, count) else { continue }
                // Taken, they are kept, and clients are still let in: nothing goes to and fro.
                let after = DescriptorCount(open: count.open + DescriptorRule.spares, limit: limit)
                #expect(DescriptorRule.holdsSpares(now: true, after))
                #expect(DescriptorRule.admission(of: .clients, after) == .admitted)
            }
        }
        #expect(!DescriptorRule.holdsSpares(now: true, DescriptorCount(open: 1_017, limit: 1_024)))
    }

    @Test func `a shortage begins with the first refusal and ends with room for some more`() {
        for limit in [256, 1_024, 20_000] {
            for free in 0...min(limit, 700) {
                let count = DescriptorCount(open: limit - free, limit: limit)
                let isRefused = DescriptorRule.admission(of: .clients, count) != .admitted
                #expect(DescriptorRule.isShort(was: false, count) == isRefused)
                #expect(DescriptorRule.isShort(was: true, count) || !isRefused)
            }
        }
        // A full node that loses one connection and takes another says nothing.
        #expect(DescriptorRule.isShort(was: true, DescriptorCount(open: 896, limit: 1_024)))
        #expect(!DescriptorRule.isShort(was: true, DescriptorCount(open: 864, limit: 1_024)))
    }
}
