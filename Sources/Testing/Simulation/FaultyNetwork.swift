/// The links between the nodes of a simulated cluster, numbered from 0, each direction on its own.
///
/// It decides the fate of messages; the subject carries them. Loss, duplication and delay hold for all
/// links alike and come from the swarm configuration; cuts come and go during the run.
package struct FaultyNetwork: Sendable {
    package struct Faults: Sendable {
        package var lossPercent = 0
        package var duplicationPercent = 0
        package var delayMilliseconds = 2
        /// Now and then a message is stuck for seconds.
        package var clogPerMille = 0

        package init() {}
        /// What a healthy network of one building does.
        package static let none = Faults()

        package static func swarm(_ chance: inout Chance) -> Faults {
            var faults = Faults()
            faults.lossPercent = chance.dimension(1...30)
            faults.duplicationPercent = chance.dimension(1...50)
            faults.delayMilliseconds = max(1, chance.dimension(1...50))
            faults.clogPerMille = chance.dimension(1...20)
            return faults
        }
    }

    package enum Cut: Sendable, CaseIterable {
        /// Two sides that do not hear each other.
        case symmetric
        /// One side hears the other, and is not heard.
        case oneWay
        /// One node hears and reaches some only: both sides of the split reach it.
        case halfConnected
        /// One node alone.
        case isolated
        /// Every direction of every link falls by lot.
        case anyLinks
    }

    package var faults: Faults
    package let nodes: Int
    private var blocked: Set<Int> = []

    package init(nodes: Int, faults: Faults) {
        self.nodes = nodes
        self.faults = faults
    }

    package var isHealed: Bool { self.blocked.isEmpty }
    package mutating func heal() { self.blocked.removeAll() }
    package mutating func block(from: Int, to: Int) { self.blocked.insert(from * self.nodes + to) }
    package mutating func unblock(from: Int, to: Int) { self.blocked.remove(from * self.nodes + to) }
    package func isOpen(from: Int, to: Int) -> Bool { !self.blocked.contains(from * self.nodes + to) }

    /// Replaces all cuts by one of a kind drawn by lot.
    package mutating func cut(_ chance: inout Chance) -> Cut {
        self.heal()
        let kind = Cut.allCases[chance.number(0...Cut.allCases.count - 1)]
        let side = (0..<self.nodes).map { _ in chance.percent(50) }
        let one = chance.number(0...max(0, self.nodes - 1))
        for from in 0..<self.nodes {
            for to in 0..<self.nodes where from != to {
                let isCut: Bool
                switch kind {
                case .symmetric: isCut = side[from] != side[to]
                case .oneWay: isCut = side[from] && !side[to]
                case .halfConnected: isCut = side[from] != side[to] && from != one && to != one
                case .isolated: isCut = from == one || to == one
                case .anyLinks: isCut = chance.percent(30)
                }
                if isCut { self.block(from: from, to: to) }
            }
        }
        return kind
    }

    /// After which delays copies of a message arrive: none when it is lost, two when it is doubled.
    package func fates(from: Int, to: Int, _ chance: inout Chance) -> [VirtualTime] {
        guard self.isOpen(from: from, to: to), !chance.percent(self.faults.lossPercent) else { return [] }
        var fates = [self.delay(&chance)]
        if chance.percent(self.faults.duplicationPercent) { fates.append(self.delay(&chance)) }
        return fates
    }

    private func delay(_ chance: inout Chance) -> VirtualTime {
        let delay = chance.delay(meanMilliseconds: self.faults.delayMilliseconds)
        return chance.perMille(self.faults.clogPerMille) ? delay + chance.milliseconds(100...5000) : delay
    }
}
