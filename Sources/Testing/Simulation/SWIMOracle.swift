import ClusterModel
import SWIM

/// What must hold of gossip whatever happens, checked from outside.
struct SWIMOracle {
    private(set) var violation: String?
    /// The newest incarnation that each member has spoken in.
    private var spoken: [NodeID: Incarnation] = [:]
    /// The last change of belief about each member at each node, in the life of its process.
    private var believed: [NodeID: [NodeID: GossipMember]] = [:]

    mutating func fail(_ text: @autoclosure () -> String) {
        if self.violation == nil { self.violation = text() }
    }

    mutating func started(_ member: GossipMember) {
        self.spoken[member.id] = member.incarnation
        self.believed[member.id] = [:]
    }

    /// After every step of a node: it never gives itself up, and only it raises its incarnation.
    mutating func stepped(_ node: SWIMInstance, hasLeft: Bool) {
        guard let own = node[node.id] else { return self.fail("\(node.id.short) does not know itself") }
        if own.status != (hasLeft ? .left : .alive) { self.fail("\(node.id.short) thinks itself \(own.status)") }
        if let before = self.spoken[node.id], own.incarnation < before {
            self.fail("\(node.id.short) fell back from \(before) to \(own.incarnation)")
        }
        self.spoken[node.id] = own.incarnation
    }

    /// After every change of a belief: it is about a member's own words, and newer than the belief before.
    mutating func changed(_ member: GossipMember, at node: NodeID) {
        if let own = self.spoken[member.id], member.incarnation > own {
            self.fail("\(node.short) believes in \(member.incarnation) of \(member.id.short), which is at \(own)")
        }
        let before = self.believed[node, default: [:]].updateValue(member, forKey: member.id)
        if let before, (before.incarnation, before.status.rawValue) > (member.incarnation, member.status.rawValue) {
            self.fail("\(node.short) went back from \(before) to \(member)")
        }
    }

    /// A message of another cluster changes nothing at all.
    mutating func foreign(before: [GossipMember], after: SWIMInstance, effects: [SWIMEffect]) {
        if after.members != before { self.fail("\(after.id.short) learned from another cluster") }
        let isAlarm = effects.allSatisfy {
            if case .foreignCluster = $0 { return true }
            return false
        }
        if !isAlarm || effects.count != 1 { self.fail("\(after.id.short) answered another cluster: \(effects)") }
    }

    /// Why the views of the running nodes are not one and the true one; nil when they are.
    static func disagreement(_ running: [SWIMInstance], gone: Set<NodeID>) -> String? {
        guard let first = running.first else { return nil }
        for node in running where node.members != first.members {
            return "\(node.id.short) and \(first.id.short) do not see the same"
        }
        for node in running where first[node.id] != node[node.id] {
            return "\(first.id.short) sees an older \(node.id.short)"
        }
        for member in first.members where member.status.isGone != gone.contains(member.id) {
            return "\(member.id.short) is \(member.status)"
        }
        return first.members.contains { $0.status == .suspect } ? "somebody is suspect" : nil
    }
}
