import ClusterModel
import Founding
import Logging
import Synchronization
import Testing

@testable import Membership

/// Seeds that answer as a table says.
private final class TableProber: SeedProber {
    let answers: Mutex<[PeerAddress: FoundingAnswer]>
    init(_ answers: [PeerAddress: FoundingAnswer]) { self.answers = Mutex(answers) }
    func probe(_ address: PeerAddress) async -> FoundingAnswer? { self.answers.withLock { $0[address] } }
}

@Suite struct `The founder` {
    private let first = PeerAddress(host: "127.0.0.1", port: 1)
    private let second = PeerAddress(host: "127.0.0.1", port: 2)

    private func founder(_ seeds: [PeerAddress], own: PeerAddress, _ answers: [PeerAddress: FoundingAnswer]) -> Founder
    {
        Founder(
            machine: FoundingMachine(seeds: SeedList(seeds, own: own), ownAddress: own, nonce: 1, seed: 1),
            prober: TableProber(answers), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func `a node without seeds founds at once`() async throws {
        #expect(try await self.founder([], own: self.first, [:]).decide() == .found)
    }

    @Test func `the first seed founds when the other is empty with the same list`() async throws {
        let seeds = [self.first, self.second]
        let empty = FoundingAnswer.empty(SeedList(seeds, own: self.second).hash, nonce: 2)
        #expect(try await self.founder(seeds, own: self.first, [self.second: empty]).decide() == .found)
    }

    @Test func `a member among the seeds is joined`() async throws {
        let cluster = ClusterID(high: 8, low: 9)
        let founder = self.founder([self.first, self.second], own: self.second, [self.first: .member(cluster)])
        #expect(try await founder.decide() == .join(cluster, via: self.first))
    }

    @Test func `members of two clusters stop it with both names`() async throws {
        let third = PeerAddress(host: "127.0.0.1", port: 3)
        let founder = self.founder(
            [self.first, self.second, third], own: third,
            [
                self.first: .member(ClusterID(high: 1, low: 1)),
                self.second: .member(ClusterID(high: 2, low: 2)),
            ])
        // It may join the first before the second has answered; then the host is told to look again.
        await #expect(throws: FoundingStopped.self) {
            while true {
                _ = try await founder.decide()
                await founder.joinFailed()
            }
        }
    }
}
