// Actor systems of one process without sockets: for tests, and for many nodes in one test.

import ClusterModel
import DequeModule
import PeerTransport
import Synchronization

/// An in-memory network behind the same seam as the real transport. Messages are delivered one after the other by whoever
/// finds the queue idle, in order of sending over all nodes, never from within `send` of a delivery.
package final class LoopbackNetwork: Sendable {
    private struct Parcel {
        let message: [UInt8]
        let from: NodeID
        let to: NodeID
        let kind: ConnectionKind
    }

    private struct State {
        var receivers: [NodeID: any PeerReceiver] = [:]
        var cut: Set<Set<NodeID>> = []
        var parcels: Deque<Parcel> = []
        var isDelivering = false
    }

    private let state = Mutex(State())
    /// Parcels on their way; what comes on top overflows.
    private let parcelsMax: Int

    package init(parcelsMax: Int = 100_000) { self.parcelsMax = parcelsMax }

    /// The link that the actor system of `node` is made with.
    package func link(of node: NodeID) -> any PeerLink { LoopbackLink(network: self, node: node) }

    /// All that attach are connected to each other.
    package func attach(_ receiver: any PeerReceiver, as node: NodeID) {
        self.state.withLock { $0.receivers[node] = receiver }
    }

    /// Takes the node away; the others see their connections to it closed and refused.
    package func crash(_ node: NodeID) {
        let others = self.state.withLock { state in
            state.receivers[node] = nil
            state.parcels.removeAll { $0.from == node || $0.to == node }
            return Array(state.receivers.values)
        }
        for other in others {
            for kind in ConnectionKind.allCases { other.peerChanged(.closed(node, kind)) }
            other.peerChanged(.refused(node))
        }
    }

    /// Loses what the two send each other from now on, while both think that they are connected.
    package func cut(_ first: NodeID, _ second: NodeID) {
        self.state.withLock { _ = $0.cut.insert([first, second]) }
    }

    package func heal() {
        self.state.withLock { $0.cut = [] }
    }

    fileprivate func send(
        _ message: [UInt8], from: NodeID, to node: NodeID, on kind: ConnectionKind
    ) -> SendVerdict {
        guard message.count <= PeerFrame.payloadBytesMax else { return .tooLarge }
        let (verdict, delivers): (SendVerdict, Bool) = self.state.withLock { state in
            guard state.receivers[node] != nil, from != node else { return (.notConnected, false) }
            guard !state.cut.contains([from, node]) else { return (.queued, false) }
            guard state.parcels.count < self.parcelsMax else { return (.overflow, false) }
            state.parcels.append(Parcel(message: message, from: from, to: node, kind: kind))
            let delivers = !state.isDelivering
            state.isDelivering = true
            return (.queued, delivers)
        }
        if delivers { self.deliver() }
        return verdict
    }

    private func deliver() {
        while let (parcel, receiver) = self.next() {
            let path = LoopbackLink.Path(
                network: self, node: parcel.to, back: parcel.from, kind: parcel.kind)
            receiver?.received(parcel.message, from: parcel.from, on: parcel.kind, path: path)
        }
    }

    private func next() -> (Parcel, (any PeerReceiver)?)? {
        self.state.withLock { state in
            guard let parcel = state.parcels.popFirst() else {
                state.isDelivering = false
                return nil
            }
            return (parcel, state.receivers[parcel.to])
        }
    }
}

private struct LoopbackLink: PeerLink {
    let network: LoopbackNetwork
    let node: NodeID

    func send(_ message: [UInt8], to node: NodeID, on kind: ConnectionKind) -> SendVerdict {
        self.network.send(message, from: self.node, to: node, on: kind)
    }

    struct Path: ReturnPath {
        let network: LoopbackNetwork
        let node: NodeID
        let back: NodeID
        let kind: ConnectionKind

        func send(_ message: [UInt8]) -> SendVerdict {
            self.network.send(message, from: self.node, to: self.back, on: self.kind)
        }
    }
}
