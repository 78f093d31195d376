import ClusterModel
import Projections
import Raft
import Testing

@testable import Replication

/// A copy of a state holds what is erased from the state meanwhile: none stands about.
@Suite struct `A copy that is sent` {
    private let shard = ShardID(3)
    private let recipient = SnapshotRecipient(
        shard: ShardID(3), replica: Replica(id: ReplicaID(2), node: NodeID(high: 2, low: 2)))
    private let manifest = SnapshotManifest(
        point: SnapshotPoint(
            index: LogIndex(50), term: Term(2),
            configuration: Configuration(
                voters: [Replica(id: ReplicaID(1), node: NodeID(high: 1, low: 1))], epoch: .zero,
                nextReplicaID: ReplicaID(3))),
        file: SnapshotFile(
            appliedIndex: LogIndex(50), stateHash: 7, bytes: 100, digest: [UInt8](repeating: 1, count: 32),
            schemaVersion: 1))

    private func step(_ sender: inout SnapshotSender, _ input: SnapshotSender.Input) -> [SnapshotSender.Effect] {
        var effects: [SnapshotSender.Effect] = []
        sender.step(input, into: &effects)
        return effects
    }

    @Test func `is removed when its time is over, however often its recipient says that it is busy`() {
        var settings = SnapshotTransferSettings()
        settings.copyMillisecondsMax = 60_000
        var sender = SnapshotSender(settings: settings)
        _ = self.step(&sender, .tick(milliseconds: 5_000))
        #expect(self.step(&sender, .wanted(self.recipient, from: .zero)) == [.make(self.shard)])
        _ = self.step(&sender, .made(self.shard, self.manifest))
        for second in 6..<65 as Range<UInt64> {
            let effects = self.step(&sender, .tick(milliseconds: second * 1_000))
            #expect(!effects.contains(.drop(self.shard)), "after \(second) s")
            _ = self.step(&sender, .answered(self.recipient, .refused(self.manifest.id, .busy)))
        }
        #expect(
            self.step(&sender, .tick(milliseconds: 65_000)) == [
                .failed(self.recipient, .failed), .drop(self.shard),
            ])
        #expect(sender.isIdle)
    }

    @Test func `is removed when it was given up while it was made`() {
        var sender = SnapshotSender(settings: SnapshotTransferSettings())
        #expect(self.step(&sender, .wanted(self.recipient, from: .zero)) == [.make(self.shard)])
        #expect(self.step(&sender, .cancelled(self.shard)) == [.failed(self.recipient, .failed)])
        #expect(self.step(&sender, .made(self.shard, self.manifest)) == [.drop(self.shard)])
    }

    @Test func `is not removed under a recipient that still wants it`() {
        var sender = SnapshotSender(settings: SnapshotTransferSettings())
        _ = self.step(&sender, .wanted(self.recipient, from: .zero))
        #expect(self.step(&sender, .cancelled(self.shard)) == [.failed(self.recipient, .failed)])
        #expect(self.step(&sender, .wanted(self.recipient, from: .zero)) == [.make(self.shard)])
        // The first answer is taken, and the second finds nobody waiting: the copy is in use.
        #expect(self.step(&sender, .made(self.shard, self.manifest)) == [.send(self.recipient, .offer(self.manifest))])
        #expect(self.step(&sender, .made(self.shard, self.manifest)).isEmpty)
    }
}
