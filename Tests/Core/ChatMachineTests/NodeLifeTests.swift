import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

@Suite struct NodeLifeTests {
    static func start(_ number: UInt64, boot: UInt64, nonce: UInt64, upTo version: UInt16 = 1) -> Command {
        .startNode(
            NodeStart(
                node: node(number), boot: BootCounter(boot), nonce: nonce,
                address: PeerAddress(host: "10.0.0.1", port: UInt16(number)), clientAddress: "c",
                versions: FeatureRange(.first, FeatureVersion(version)) ?? .current))
    }

    /// Nodes 1 to `count`, all active at epoch 1.
    static func cluster(_ count: UInt64, upTo version: UInt16 = 1) -> Rig {
        var rig = DirectoryTests.directory()
        for number in 1...count {
            rig.apply(.registerNode(DirectoryTests.record(number)))
            rig.apply(Self.start(number, boot: 1, nonce: 100 + number, upTo: version))
        }
        rig.apply(.activateNodes((1...count).map { node($0) }))
        return rig
    }

    func states(_ rig: Rig) -> [NodeState] { rig.machine.registry.nodes.map(\.state) }

    @Test func `joins that are activated together cost one epoch`() {
        let rig = Self.cluster(3)
        #expect(self.states(rig) == [.active, .active, .active])
        #expect(rig.machine.registry.epoch == RingEpoch(1))
    }

    @Test func `an older data directory is refused and so is a copy that runs at the same count`() {
        var rig = Self.cluster(1)
        #expect(rig.apply(Self.start(1, boot: 5, nonce: 7)) == .done)
        #expect(rig.apply(Self.start(1, boot: 5, nonce: 7)) == .done)
        #expect(rig.apply(Self.start(1, boot: 4, nonce: 8)) == .refused(.staleBoot))
        #expect(rig.apply(Self.start(1, boot: 4, nonce: 7)) == .refused(.staleBoot))
        #expect(rig.apply(Self.start(1, boot: 5, nonce: 8)) == .refused(.staleBoot))
        #expect(rig.apply(Self.start(1, boot: 6, nonce: 8)) == .done)
        #expect(rig.machine.registry[node(1)]?.life.nonce == 8)
        #expect(rig.machine.registry.epoch == RingEpoch(1))
    }

    @Test func `a node that was given up joins again when it starts and nothing else moves`() {
        var rig = Self.cluster(4)
        #expect(rig.apply(.buryNode(node(2))) == .done)
        #expect(self.states(rig) == [.active, .dead, .active, .active])
        #expect(rig.machine.registry.epoch == RingEpoch(2))
        #expect(rig.apply(Self.start(2, boot: 1, nonce: 102)) == .done)
        #expect(self.states(rig)[1] == .joining && rig.machine.registry.epoch == RingEpoch(2))
        #expect(rig.apply(.activateNodes([node(2), node(1), node(9)])) == .done)
        #expect(self.states(rig)[1] == .active && rig.machine.registry.epoch == RingEpoch(3))
    }

    @Test func `never are fewer than three nodes left by giving nodes up`() {
        var rig = Self.cluster(3)
        #expect(rig.apply(.buryNode(node(1))) == .refused(.conflict))
        var four = Self.cluster(4)
        #expect(four.apply(.buryNode(node(1))) == .done)
        #expect(four.apply(.buryNode(node(1))) == .done)
        #expect(four.apply(.buryNode(node(2))) == .refused(.conflict))
    }

    @Test func `no more than a third of the nodes is given up within ten minutes`() {
        var rig = Self.cluster(10)
        for number in [1, 2, 3] as [UInt64] { #expect(rig.apply(.buryNode(node(number))) == .done) }
        #expect(rig.apply(.buryNode(node(4))) == .refused(.conflict))
        // Coming back does not loosen the brake.
        rig.apply(Self.start(1, boot: 1, nonce: 101))
        rig.apply(.activateNodes([node(1)]))
        #expect(rig.apply(.buryNode(node(4))) == .refused(.conflict))
        rig.pass(milliseconds: 10 * 60 * 1000 + 1)
        #expect(rig.apply(.buryNode(node(4))) == .done)
    }

    @Test func `a drained node is excluded at once and removed at the end and the last one stays`() {
        var rig = Self.cluster(2)
        #expect(rig.apply(.drainNode(node(1))) == .done)
        #expect(rig.machine.registry.active == [node(2)] && rig.machine.registry.epoch == RingEpoch(2))
        #expect(rig.apply(.drainNode(node(1))) == .done)
        #expect(rig.machine.registry.epoch == RingEpoch(2))
        #expect(rig.apply(.drainNode(node(2))) == .refused(.conflict))
        #expect(rig.apply(.removeNode(node(2))) == .refused(.conflict))
        // A restart in between does not undo it.
        #expect(rig.apply(Self.start(1, boot: 2, nonce: 9)) == .done)
        #expect(self.states(rig)[0] == .draining)
        #expect(rig.apply(.removeNode(node(1))) == .done)
        #expect(rig.apply(.drainNode(node(1))) == .refused(.forbidden))
        #expect(rig.apply(Self.start(1, boot: 3, nonce: 9)) == .refused(.forbidden))
        #expect(rig.apply(.removeNode(node(7))) == .refused(.notFound))
    }

    @Test func `the active version rises only to what every member supports and then keeps older programs out`() {
        var rig = Self.cluster(2, upTo: 1)
        let second = FeatureVersion(2)
        #expect(rig.apply(.setActiveVersion(second)) == .refused(.unsupportedVersion))
        rig.apply(Self.start(1, boot: 2, nonce: 1, upTo: 2))
        #expect(rig.apply(.setActiveVersion(second)) == .refused(.unsupportedVersion))
        rig.apply(Self.start(2, boot: 2, nonce: 2, upTo: 3))
        #expect(rig.apply(.setActiveVersion(second)) == .done)
        #expect(rig.machine.registry.activeVersion == second)
        #expect(rig.apply(.setActiveVersion(.first)) == .refused(.conflict))
        #expect(rig.apply(Self.start(1, boot: 3, nonce: 3, upTo: 1)) == .refused(.unsupportedVersion))
        #expect(rig.machine.registry[node(1)]?.boot == BootCounter(2))
    }

    @Test func `lives and the version come back from their rows`() throws {
        var rig = Self.cluster(4, upTo: 2)
        rig.apply(.setActiveVersion(FeatureVersion(2)))
        rig.apply(.buryNode(node(3)))
        #expect(try rig.restored() == rig.machine)
        #expect(try rig.restored().registry[node(3)]?.life.deadAt == rig.now)
    }
}
