import ClusterModel
import Testing

@testable import ChatModel

@Suite struct GoldenTests {
    /// The table in `Golden.swift` is what older nodes wrote to their disks. A change here is a change of the
    /// format: give the new layout a new number instead.
    @Test func `no number and no layout has changed`() {
        var values = ValueGenerator(seed: 2024)
        let now = values.samples().map { "\($0.name) \(Self.hexadecimal($0.bytes))" }
        let golden = Golden.table.split(separator: "\n").map(String.init)
        #expect(now.count == golden.count)
        for (new, old) in zip(now, golden) where new != old {
            Issue.record("was \(old)\nis  \(new)")
        }
        if now != golden { print(now.joined(separator: "\n")) }
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
