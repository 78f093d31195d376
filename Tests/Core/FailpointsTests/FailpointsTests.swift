import Synchronization
import Testing

@testable import Failpoints

/// One suite, in order: what is armed belongs to the process.
@Suite(.serialized) struct FailpointsTests {
    @Test func `a list of points and actions reads back as written`() throws {
        let parsed = try Failpoints.parse("wal.marker=crash@3,wal.sync.after=sleep:250,wal.submit.before=panic@1")
        #expect(parsed.map(\.point) == [.walMarker, .walSyncAfter, .walSubmitBefore])
        #expect(
            parsed.map(\.trigger) == [
                .init(.crash, hit: 3), .init(.sleep(milliseconds: 250)), .init(.panic, hit: 1),
            ])
        #expect(try Failpoints.parse("").isEmpty)
    }

    @Test(arguments: [
        "wal.marker", "wal.markers=crash", "wal.marker=fall", "wal.marker=crash@0", "wal.marker=crash@x",
        "wal.marker=sleep", "wal.marker=sleep:-1", "wal.marker=sleep:x", "wal.marker=crash:3", "=crash",
    ])
    func `what is not a list of points is refused with a reason`(text: String) {
        #expect(throws: FailpointSyntaxError.self) { try Failpoints.parse(text) }
    }

    @Test func `names are areas, things and moments`() {
        for point in Failpoint.allCases {
            let parts = point.rawValue.split(separator: ".")
            #expect((2...4).contains(parts.count), "\(point.rawValue)")
            #expect(point.rawValue.allSatisfy { $0.isLowercase || $0 == "." || $0 == "-" }, "\(point.rawValue)")
        }
    }

    @Test func `an action is done at its hit and at no other`() {
        let performed = Mutex<[(Failpoint, Failpoints.Action)]>([])
        Failpoints.install { point, action in performed.withLock { $0.append((point, action)) } }
        defer { Failpoints.arm(.walMarker, nil) }
        Failpoints.arm(.walMarker, .init(.crash, hit: 2))
        for _ in 0..<4 { Failpoints.hit(.walMarker) }
        #expect(performed.withLock { $0.count } == 1)
        #expect(Failpoints.hits[.walMarker] == 4)
        Failpoints.arm(.walMarker, .init(.sleep(milliseconds: 1)))
        for _ in 0..<3 { Failpoints.hit(.walMarker) }
        #expect(performed.withLock { $0.count } == 4)
        Failpoints.arm(.walMarker, nil)
        Failpoints.hit(.walMarker)
        #expect(performed.withLock { $0.count } == 4)
    }
}
