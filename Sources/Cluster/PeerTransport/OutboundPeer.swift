// One peer that this node dials: four connections, each with its redial machine.

import ClusterModel
import NIOCore
import Synchronization

/// Keeps the four outbound connections to one peer. Machines and dials live on `loop`, the channels of Raft's two on
/// `raftLoop`; `send` may be called anywhere.
final class OutboundPeer: Sendable {
    /// On the loop only.
    private final class Slot {
        var machine: RedialMachine
        var scheduled: Scheduled<Void>?
        /// Which dial is current: the end of an abandoned one must not be taken for the end of its successor.
        var attempt = 0
        var isOpen = false
        var channel: (any Channel)?
        init(machine: RedialMachine) { self.machine = machine }
    }

    let node: NodeID
    private let loop: any EventLoop
    private let raftLoop: any EventLoop
    private let dialler: any PeerDialler
    private let address: Mutex<PeerAddress>
    private let connections = Mutex<[ConnectionKind: PeerConnection]>([:])
    private let slots: NIOLoopBoundBox<[ConnectionKind: Slot]>

    init(
        node: NodeID, address: PeerAddress, loop: any EventLoop, raftLoop: (any EventLoop)?, dialler: any PeerDialler,
        backoffMilliseconds: ClosedRange<UInt64>, seed: UInt64
    ) {
        self.node = node
        self.loop = loop
        self.raftLoop = raftLoop ?? loop
        self.dialler = dialler
        self.address = Mutex(address)
        var slots: [ConnectionKind: Slot] = [:]
        for kind in ConnectionKind.allCases {
            let own = seed ^ UInt64(kind.rawValue)
            slots[kind] = Slot(machine: RedialMachine(backoffMilliseconds: backoffMilliseconds, seed: own))
        }
        self.slots = .makeBoxSendingValue(slots, eventLoop: loop)
    }

    // MARK: Any thread

    func send(_ message: [UInt8], on kind: ConnectionKind) -> SendVerdict {
        guard let connection = self.connections.withLock({ $0[kind] }) else { return .notConnected }
        return connection.send(message)
    }

    var openKinds: [ConnectionKind] { self.connections.withLock { $0.keys.sorted() } }

    func start() { self.onLoop(.start) }
    func stop() { self.onLoop(.stop) }

    func move(to address: PeerAddress) {
        let moved = self.address.withLock { current in
            defer { current = address }
            return current != address
        }
        if moved { self.onLoop(.addressChanged) }
    }

    /// The peer has opened its own connection of this kind. Without this a node that was away for seconds would be
    /// back for its own messages at once and for ours only when the wait of our last failed dial is over.
    func peerSeen(_ kind: ConnectionKind) {
        self.loop.execute {
            guard self.slots.value[kind]?.scheduled != nil else { return }  // No dial waits.
            self.step(kind, .peerSeen)
        }
    }

    private func onLoop(_ input: RedialMachine.Input) {
        self.loop.execute {
            for kind in ConnectionKind.allCases { self.step(kind, input) }
        }
    }

    // MARK: On the loop

    private func step(_ kind: ConnectionKind, _ input: RedialMachine.Input) {
        guard let slot = self.slots.value[kind] else { return }
        for effect in slot.machine.step(input) {
            switch effect {
            case .dial(let milliseconds):
                slot.scheduled?.cancel()
                slot.attempt += 1
                let attempt = slot.attempt
                slot.scheduled = self.loop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                    self.dial(kind, attempt)
                }
            case .reportRefused:
                // All four are refused alike; the control connection speaks for them.
                if kind == .control { self.dialler.report(.refused(self.node)) }
            case .hangUp:
                slot.scheduled?.cancel()
                slot.scheduled = nil
                // A dial that is under way belongs to nobody from here on; an open connection still tells its end.
                if !slot.isOpen { slot.attempt += 1 }
                slot.channel?.close(promise: nil)
            }
        }
    }

    private func dial(_ kind: ConnectionKind, _ attempt: Int) {
        self.slots.value[kind]?.scheduled = nil
        let address = self.address.withLock { $0 }
        let channelLoop = kind.isForRaft ? self.raftLoop : self.loop
        self.dialler.dial(
            address, .carry(kind), expecting: self.node, on: self.loop, channelLoop: channelLoop,
            owner: { self.owner(of: kind, attempt) }
        ) { channel in
            guard let slot = self.slots.value[kind] else { return }
            slot.channel = channel
            if slot.attempt != attempt { channel.close(promise: nil) }
        }
    }

    /// Any thread. What a channel of another loop tells comes here in its order, a moment later.
    private func owner(of kind: ConnectionKind, _ attempt: Int) -> PeerConnectionOwner {
        PeerConnectionOwner(
            opened: { connection, _ in
                if self.loop.inEventLoop { return self.opened(kind, attempt, connection) }
                self.loop.execute { _ = self.opened(kind, attempt, connection) }
                return self.dialler.receiver
            },
            ended: { failure in
                if self.loop.inEventLoop { return self.ended(kind, attempt, failure) }
                self.loop.execute { self.ended(kind, attempt, failure) }
            })
    }

    private func opened(_ kind: ConnectionKind, _ attempt: Int, _ connection: PeerConnection) -> (any PeerReceiver)? {
        guard let slot = self.slots.value[kind], slot.attempt == attempt else {
            connection.close()
            return nil
        }
        slot.isOpen = true
        let count = self.connections.withLock { connections in
            connections[kind] = connection
            return connections.count
        }
        self.step(kind, .opened(nowMilliseconds: self.now))
        self.dialler.report(.opened(self.node, kind))
        if count == ConnectionKind.allCases.count { self.dialler.report(.connected(self.node)) }
        return self.dialler.receiver
    }

    private func ended(_ kind: ConnectionKind, _ attempt: Int, _ failure: DialFailure) {
        guard let slot = self.slots.value[kind], slot.attempt == attempt else { return }
        slot.channel = nil
        if slot.isOpen {
            slot.isOpen = false
            // Gone before it is told, so that whoever hears of it finds no connection that still takes messages.
            self.connections.withLock { $0[kind] = nil }
            self.step(kind, .closed(nowMilliseconds: self.now))
            self.dialler.report(.closed(self.node, kind))
            return
        }
        switch failure {
        case .handshake(.refusedByPeer(let reason)):
            if kind == .control { self.dialler.report(.rejected(self.node, reason, byPeer: true)) }
        case .handshake(.refusedByUs(let reason)):
            if kind == .control { self.dialler.report(.rejected(self.node, reason, byPeer: false)) }
        case .refused, .unreachable, .tls, .handshake, .closed:
            break
        }
        self.dialler.dialFailed(self.node, kind, failure)
        self.step(kind, .failed(refused: failure == .refused))
    }

    private var now: UInt64 { NIODeadline.now().uptimeNanoseconds / 1_000_000 }
}

/// What an outbound peer needs of the transport.
protocol PeerDialler: AnyObject, Sendable {
    var receiver: (any PeerReceiver)? { get }
    /// Connects, does TLS and the handshake. The owner's `ended` is called once in any case, on `channelLoop` or on `loop`;
    /// `connected` on `loop`, when TCP is.
    func dial(
        _ address: PeerAddress, _ purpose: DialPurpose, expecting node: NodeID?, on loop: any EventLoop,
        channelLoop: (any EventLoop)?, owner: @escaping @Sendable () -> PeerConnectionOwner,
        connected: @escaping (any Channel) -> Void)
    func report(_ event: PeerEvent)
    func dialFailed(_ node: NodeID, _ kind: ConnectionKind, _ failure: DialFailure)
}
