import ClusterModel
import Projections
import Raft
import Testing

@testable import Replication

/// Two machines, files of bytes, and a network that loses and repeats.
private struct TransferWorld {
    static let shard = ShardID(3)
    static let sender = Replica(id: ReplicaID(1), node: NodeID(high: 1, low: 1))
    static let own = Replica(id: ReplicaID(2), node: NodeID(high: 2, low: 2))
    static var recipient: SnapshotRecipient { SnapshotRecipient(shard: Self.shard, replica: Self.own) }

    var settings: SnapshotTransferSettings
    var sender: SnapshotSender
    var receiver: SnapshotReceiver
    var random: SeededGenerator
    var lossPercent = 0
    let file: [UInt8]
    let manifest: SnapshotManifest
    var arrived: [UInt8] = []
    var sealed = false
    var delivered: LogIndex?
    var failures = 0
    var made = 0
    var sentBytes = 0
    var now: UInt64 = 0
    private var toReceiver: [HostMessage.Body] = []
    private var toSender: [HostMessage.Body] = []

    init(bytes: Int, seed: UInt64, _ change: (inout SnapshotTransferSettings) -> Void = { _ in }) {
        var settings = SnapshotTransferSettings()
        settings.chunkBytes = 100
        settings.bytesPerSecond = 1 << 20
        change(&settings)
        self.settings = settings
        self.sender = SnapshotSender(settings: settings)
        self.receiver = SnapshotReceiver(settings: settings)
        var random = SeededGenerator(seed: seed)
        self.file = (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        self.random = random
        self.manifest = Self.manifest(index: 50, bytes: bytes, digest: UInt8(truncatingIfNeeded: seed))
    }

    static func manifest(index: UInt64, bytes: Int, digest: UInt8) -> SnapshotManifest {
        SnapshotManifest(
            point: SnapshotPoint(
                index: LogIndex(index), term: Term(2),
                configuration: Configuration(voters: [Self.sender], epoch: .zero, nextReplicaID: ReplicaID(3))),
            file: SnapshotFile(
                appliedIndex: LogIndex(index), stateHash: 7, bytes: UInt64(bytes),
                digest: [UInt8](repeating: digest, count: 32), schemaVersion: 1))
    }

    mutating func send(_ input: SnapshotSender.Input) {
        var effects: [SnapshotSender.Effect] = []
        self.sender.step(input, into: &effects)
        for effect in effects {
            switch effect {
            case .make:
                self.made += 1
                self.send(.made(Self.shard, self.manifest))
            case .read(let recipient, let id, let offset, let count):
                let start = Int(offset)
                self.send(.read(recipient, id, offset: offset, bytes: Array(self.file[start..<start + count])))
            case .send(_, let body):
                if case .chunk(_, _, let bytes) = body { self.sentBytes += bytes.count }
                if !self.isLost() { self.toReceiver.append(body) }
                if self.lossPercent > 0, self.random.next() % 10 == 0 { self.toReceiver.append(body) }
            case .delivered(_, let index): self.delivered = index
            case .failed: self.failures += 1
            case .drop: break
            }
        }
    }

    mutating func receive(_ input: SnapshotReceiver.Input) {
        var effects: [SnapshotReceiver.Effect] = []
        self.receiver.step(input, into: &effects)
        for effect in effects {
            switch effect {
            case .begin(let shard, let manifest):
                self.arrived = []
                self.receive(.began(shard, manifest.id))
            case .write(let shard, let id, let offset, let bytes):
                precondition(Int(offset) == self.arrived.count, "a hole before \(offset)")
                self.arrived += bytes
                self.receive(.wrote(shard, id, end: offset + UInt64(bytes.count)))
            case .seal(let shard, let manifest): self.receive(.sealed(shard, manifest.id))
            case .ready(let shard, let manifest, _):
                self.sealed = true
                self.receive(.settled(shard, through: manifest.point.index))
            case .send(_, let body, _, _): if !self.isLost() { self.toSender.append(body) }
            case .discard: self.arrived = []
            }
        }
    }

    private mutating func isLost() -> Bool { Int(self.random.next() % 100) < self.lossPercent }

    /// - Parameter isCut: nothing passes.
    mutating func run(milliseconds: UInt64, isCut: Bool = false) {
        let end = self.now + milliseconds
        while self.now < end, self.delivered == nil {
            self.now += 50
            self.send(.tick(milliseconds: self.now))
            self.receive(.tick(milliseconds: self.now))
            let (out, back) = (self.toReceiver, self.toSender)
            self.toReceiver = []
            self.toSender = []
            guard !isCut else { continue }
            for body in out {
                switch body {
                case .offer(let manifest):
                    let standing: SnapshotReceiver.Standing =
                        self.sealed ? .standing(self.manifest.point.index) : .wanting
                    self.receive(.offered(Self.shard, manifest, from: Self.sender, to: Self.own, standing))
                case .chunk(let id, let offset, let bytes):
                    self.receive(.chunk(Self.shard, id, from: Self.sender, offset: offset, bytes: bytes))
                default: break
                }
            }
            for body in back { self.send(.answered(Self.recipient, body)) }
        }
    }
}

@Suite struct `A snapshot on its way` {
    @Test func `arrives whole and is reported once the replica stands there`() {
        var world = TransferWorld(bytes: 1_234, seed: 1)
        world.send(.wanted(TransferWorld.recipient, from: .zero))
        world.run(milliseconds: 5_000)
        #expect(world.delivered == LogIndex(50))
        #expect(world.arrived == world.file)
        #expect(world.sentBytes == world.file.count)
        #expect(world.sender.isIdle)
        #expect(world.receiver.count == 0)
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `arrives whole over a network that loses and repeats`(seed: UInt64) {
        var world = TransferWorld(bytes: 2_000 + Int(seed) * 37, seed: seed)
        world.lossPercent = Int(seed % 4) * 10
        world.send(.wanted(TransferWorld.recipient, from: .zero))
        world.run(milliseconds: 600_000)
        #expect(world.delivered == LogIndex(50), "seed \(seed)")
        #expect(world.arrived == world.file, "seed \(seed)")
    }

    @Test func `goes on where it stopped when the connection comes back`() {
        var world = TransferWorld(bytes: 100_000, seed: 3) {
            $0.bytesPerSecond = 20_000
            $0.chunkBytes = 1_000
        }
        world.send(.wanted(TransferWorld.recipient, from: .zero))
        world.run(milliseconds: 2_000)
        let before = world.arrived.count
        #expect(before > 10_000)
        world.run(milliseconds: 5_000, isCut: true)
        world.run(milliseconds: 20_000)
        #expect(world.delivered != nil)
        #expect(world.arrived == world.file)
        // A window's worth may have been lost, the rest is not sent again.
        #expect(world.sentBytes <= world.file.count + 3 * world.settings.windowChunks * world.settings.chunkBytes)
        #expect(world.made == 1)
    }

    @Test func `another sender of the same bytes goes on where the first stopped`() {
        let settings = SnapshotTransferSettings()
        var receiver = SnapshotReceiver(settings: settings)
        let manifest = TransferWorld.manifest(index: 50, bytes: 900, digest: 1)
        let other = Replica(id: ReplicaID(9), node: NodeID(high: 9, low: 9))
        var effects: [SnapshotReceiver.Effect] = []
        let shard = TransferWorld.shard
        receiver.step(
            .offered(shard, manifest, from: TransferWorld.sender, to: TransferWorld.own, .wanting), into: &effects)
        receiver.step(.began(shard, manifest.id), into: &effects)
        let bytes = [UInt8](repeating: 1, count: 300)
        receiver.step(
            .chunk(shard, manifest.id, from: TransferWorld.sender, offset: 0, bytes: bytes), into: &effects)
        receiver.step(.wrote(shard, manifest.id, end: 300), into: &effects)
        effects = []
        receiver.step(.offered(shard, manifest, from: other, to: TransferWorld.own, .wanting), into: &effects)
        #expect(
            effects == [
                .send(shard, .progress(manifest.id, offset: 300, rewind: true), from: TransferWorld.own, to: other)
            ])
        effects = []
        // The first sender is heard no more; the second is.
        receiver.step(
            .chunk(shard, manifest.id, from: TransferWorld.sender, offset: 300, bytes: bytes), into: &effects)
        #expect(effects.isEmpty)
        receiver.step(.chunk(shard, manifest.id, from: other, offset: 300, bytes: bytes), into: &effects)
        #expect(effects == [.write(shard, manifest.id, offset: 300, bytes: bytes)])
    }

    @Test func `a third arrival waits for a slot`() {
        var receiver = SnapshotReceiver(settings: SnapshotTransferSettings())
        for shard in 1...3 as ClosedRange<UInt16> {
            var effects: [SnapshotReceiver.Effect] = []
            let manifest = TransferWorld.manifest(index: 50, bytes: 900, digest: UInt8(shard))
            receiver.step(
                .offered(ShardID(shard), manifest, from: TransferWorld.sender, to: TransferWorld.own, .wanting),
                into: &effects)
            if shard < 3 {
                #expect(effects == [.begin(ShardID(shard), manifest)])
            } else {
                #expect(
                    effects == [
                        .send(
                            ShardID(3), .refused(manifest.id, .busy), from: TransferWorld.own,
                            to: TransferWorld.sender)
                    ])
            }
        }
        #expect(receiver.count == 2)
    }

    @Test func `a chunk beyond the promised end ends the transfer`() {
        var receiver = SnapshotReceiver(settings: SnapshotTransferSettings())
        let manifest = TransferWorld.manifest(index: 50, bytes: 100, digest: 1)
        let shard = TransferWorld.shard
        var effects: [SnapshotReceiver.Effect] = []
        receiver.step(
            .offered(shard, manifest, from: TransferWorld.sender, to: TransferWorld.own, .wanting), into: &effects)
        receiver.step(.began(shard, manifest.id), into: &effects)
        effects = []
        receiver.step(
            .chunk(
                shard, manifest.id, from: TransferWorld.sender, offset: 0, bytes: [UInt8](repeating: 0, count: 101)),
            into: &effects)
        #expect(effects.contains(.discard(shard)))
        #expect(receiver.count == 0)
    }

    @Test func `a silent recipient is given up, and the core is told`() {
        var world = TransferWorld(bytes: 1_000, seed: 5)
        world.send(.wanted(TransferWorld.recipient, from: .zero))
        world.run(milliseconds: 60_000, isCut: true)
        #expect(world.failures == 1)
        #expect(world.sender.isIdle)
    }

    @Test func `a node sends no faster than its budget`() {
        var world = TransferWorld(bytes: 400_000, seed: 6) {
            $0.bytesPerSecond = 40_000
            $0.chunkBytes = 1_000
        }
        world.send(.wanted(TransferWorld.recipient, from: .zero))
        world.run(milliseconds: 5_000)
        // What may be saved up for a quarter of a second comes on top.
        #expect(world.sentBytes <= 40_000 * 5 + 10_000)
        #expect(world.sentBytes >= 40_000 * 3)
    }

    @Test func `two recipients of one shard are sent one copy`() {
        var sender = SnapshotSender(settings: SnapshotTransferSettings())
        var effects: [SnapshotSender.Effect] = []
        let manifest = TransferWorld.manifest(index: 50, bytes: 100, digest: 1)
        let third = SnapshotRecipient(
            shard: TransferWorld.shard, replica: Replica(id: ReplicaID(7), node: NodeID(high: 7, low: 7)))
        sender.step(.wanted(TransferWorld.recipient, from: .zero), into: &effects)
        sender.step(.wanted(third, from: .zero), into: &effects)
        sender.step(.wanted(third, from: .zero), into: &effects)
        #expect(effects == [.make(TransferWorld.shard)])
        effects = []
        sender.step(.made(TransferWorld.shard, manifest), into: &effects)
        #expect(effects == [.send(TransferWorld.recipient, .offer(manifest)), .send(third, .offer(manifest))])
        effects = []
        sender.step(.answered(third, .taken(manifest.id, through: LogIndex(60))), into: &effects)
        #expect(effects == [.delivered(third, through: LogIndex(60))])
        effects = []
        sender.step(.cancelled(TransferWorld.shard), into: &effects)
        #expect(effects == [.failed(TransferWorld.recipient, .failed), .drop(TransferWorld.shard)])
    }

    @Test func `a copy from before the log's base is not sent again for another's sake`() {
        // Two recipients kept a stale copy alive for each other, delivered it in turns, and neither came further.
        var sender = SnapshotSender(settings: SnapshotTransferSettings())
        var effects: [SnapshotSender.Effect] = []
        let stale = TransferWorld.manifest(index: 50, bytes: 100, digest: 1)
        let fresh = TransferWorld.manifest(index: 90, bytes: 100, digest: 2)
        let third = SnapshotRecipient(
            shard: TransferWorld.shard, replica: Replica(id: ReplicaID(7), node: NodeID(high: 7, low: 7)))
        sender.step(.wanted(third, from: LogIndex(40)), into: &effects)
        sender.step(.made(TransferWorld.shard, stale), into: &effects)
        effects = []
        sender.step(.wanted(TransferWorld.recipient, from: LogIndex(80)), into: &effects)
        #expect(effects.isEmpty)
        sender.step(.answered(third, .taken(stale.id, through: LogIndex(50))), into: &effects)
        #expect(
            effects == [
                .delivered(third, through: LogIndex(50)), .drop(TransferWorld.shard), .make(TransferWorld.shard),
            ])
        effects = []
        sender.step(.made(TransferWorld.shard, fresh), into: &effects)
        #expect(effects == [.send(TransferWorld.recipient, .offer(fresh))])
    }
}

@Suite struct `Words between hosts` {
    private static let bodies: [HostMessage.Body] = [
        .offer(TransferWorld.manifest(index: 9, bytes: 10, digest: 3)),
        .chunk(SnapshotID(5), offset: 1 << 40, bytes: [1, 2, 3]),
        .progress(SnapshotID(5), offset: 77, rewind: true), .taken(SnapshotID(5), through: LogIndex(8)),
        .refused(SnapshotID(5), .busy), .stateWanted(above: LogIndex(4)), .membershipAsked, .leftOut(at: LogIndex(3)),
        .lost,
    ]

    @Test(arguments: 0..<9) func `come back as they were, and every cut is refused`(place: Int) throws {
        let message = HostMessage(
            cluster: ClusterID(high: 9, low: 9), shard: ShardID(4), from: TransferWorld.sender, to: TransferWorld.own,
            body: Self.bodies[place])
        let bytes = message.encoded
        #expect(try HostMessage(encoded: bytes) == message)
        for count in bytes.indices {
            #expect(throws: WireError.self) { try HostMessage(encoded: Array(bytes.prefix(count))) }
        }
    }

    @Test func `a chunk longer than the bound is refused`() {
        let message = HostMessage(
            cluster: ClusterID(high: 9, low: 9), shard: ShardID(4), from: TransferWorld.sender, to: TransferWorld.own,
            body: .chunk(
                SnapshotID(1), offset: 0, bytes: [UInt8](repeating: 0, count: HostMessage.chunkBytesMax + 1)))
        #expect(throws: WireError.self) { try HostMessage(encoded: message.encoded) }
    }
}
