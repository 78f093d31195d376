// Every acknowledgement names a place in a total order, so a history is judged in O(n log n): no search over
// orders is needed as it is for histories of registers (Gibbons and Korach, "Testing Shared Memories", 1997).

/// Holds a history against the rules C1...C12.
///
/// Memory is about 100 bytes an append, beside the history itself. One thread; no clock, no I/O.
package struct HistoryCheck {
    private(set) var findings = Findings()

    /// Judges all of it.
    package static func check(_ history: History) -> Findings {
        var check = HistoryCheck()
        for (index, channel) in history.channels.enumerated() {
            var channelCheck = ChannelCheck(channel, index: index)
            channelCheck.run(into: &check.findings)
        }
        for channel in history.lively {
            var livelyCheck = LivelyCheck(channel)
            livelyCheck.run(into: &check.findings)
        }
        check.checkReplicas(history.nodeEvents)
        return check.findings
    }

    // MARK: C11

    private struct Reign: Hashable {
        let group: Int
        let incarnation: UInt64
        /// A term, or an index.
        let number: UInt64
    }
    private struct Seat: Hashable {
        let group: Int
        let incarnation: UInt64
        let node: String
        let boot: UInt64
    }

    private mutating func checkReplicas(_ events: [NodeEvent]) {
        var leaders: [Reign: String] = [:]
        var hashes: [Reign: (hash: UInt64, node: String)] = [:]
        var commits: [Seat: UInt64] = [:]
        for event in events {
            switch event {
            case .leader(let group, let incarnation, let term, let node):
                let reign = Reign(group: group, incarnation: incarnation, number: term)
                if let other = leaders[reign], other != node {
                    let nodes = [other, node].sorted()
                    self.findings.add(
                        .twoLeaders(group: group, incarnation: incarnation, term: term, nodes: nodes), channel: nil)
                }
                leaders[reign] = leaders[reign] ?? node
            case .committed(let group, let incarnation, let node, let boot, let index):
                let seat = Seat(group: group, incarnation: incarnation, node: node, boot: boot)
                let before = commits[seat] ?? 0
                if index < before {
                    self.findings.add(
                        .commitWentBack(group: group, node: node, from: before, to: index), channel: nil)
                }
                commits[seat] = max(index, before)
            case .stateHash(let group, let incarnation, let node, let index, let hash):
                let place = Reign(group: group, incarnation: incarnation, number: index)
                if let other = hashes[place], other.hash != hash {
                    self.findings.add(
                        .stateHashesDiffer(group: group, index: index, nodes: [other.node, node].sorted()),
                        channel: nil)
                }
                hashes[place] = hashes[place] ?? (hash, node)
            }
        }
    }
}
