// The calls of this node that wait for their answers.

import ClusterModel
import PeerTransport
import Synchronization

/// Each call is completed exactly once: by its answer, its deadline, the loss of its connection, or its task's
/// cancellation. Whoever removes it from the table completes it, outside of the table's lock and on its own thread: that of
/// the connection's event loop for an answer.
final class PendingCalls: Sendable {
    typealias Completion = @Sendable (Result<[UInt8], any Error>) -> Void

    private struct Call {
        let node: NodeID
        let connection: ConnectionKind
        let deadline: ContinuousClock.Instant
        let complete: Completion
        /// What has come of a result that comes in parts.
        var parts: [UInt8] = []
    }

    private struct State {
        var calls: [UInt64: Call] = [:]
        /// Ids that were cancelled before their completion was known.
        var cancelled: Set<UInt64> = []
        var nextID: UInt64 = 1
        /// No call in the table ends before this.
        var earliest: ContinuousClock.Instant?
        var isShut = false
    }

    private let state = Mutex(State())

    var count: Int { self.state.withLock { $0.calls.count } }

    func makeID() -> UInt64 {
        self.state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
    }

    /// - Returns: false when the call was cancelled or the table shut in the meantime; it is completed then.
    func add(
        _ id: UInt64, to node: NodeID, on connection: ConnectionKind, deadline: ContinuousClock.Instant,
        _ complete: @escaping Completion
    ) -> Bool {
        let refusal: (any Error)? = self.state.withLock { state in
            if state.cancelled.remove(id) != nil { return CancellationError() }
            if state.isShut { return CallError.unreachable }
            state.calls[id] = Call(node: node, connection: connection, deadline: deadline, complete: complete)
            state.earliest = min(state.earliest ?? deadline, deadline)
            return nil
        }
        if let refusal { complete(.failure(refusal)) }
        return refusal == nil
    }

    /// The next part of a result; the call ends when it is longer than any may be.
    func take(_ part: ArraySlice<UInt8>, of id: UInt64, from node: NodeID) {
        let isTooLong = self.state.withLock { state in
            // In its place: a copy of the call beside it would have every part copy all before it.
            guard let place = state.calls.index(forKey: id), state.calls.values[place].node == node else {
                return false
            }
            guard state.calls.values[place].parts.count + part.count <= CallMessage.resultBytesMax else { return true }
            state.calls.values[place].parts += part
            return false
        }
        if isTooLong { self.fail(id, .tooLarge) }
    }

    /// An answer or failure of `node`. Those of calls that are gone, or that another node was asked, are ignored.
    func finish(_ id: UInt64, from node: NodeID, _ result: Result<[UInt8], CallError>) {
        let call: Call? = self.state.withLock { state in
            guard let call = state.calls[id], call.node == node else { return nil }
            state.calls[id] = nil
            return call
        }
        guard let call else { return }
        call.complete(result.map { call.parts.isEmpty ? $0 : call.parts + $0 }.mapError { $0 })
    }

    func fail(_ id: UInt64, _ error: CallError) {
        self.state.withLock { $0.calls.removeValue(forKey: id) }?.complete(.failure(error))
    }

    /// The task of the call was cancelled, perhaps before `add`.
    func cancel(_ id: UInt64) {
        let call: Call? = self.state.withLock { state in
            if let call = state.calls.removeValue(forKey: id) { return call }
            state.cancelled.insert(id)
            return nil
        }
        call?.complete(.failure(CancellationError()))
    }

    /// The call has returned: forget a cancellation that came too late.
    func forget(_ id: UInt64) {
        self.state.withLock { state in
            guard !state.cancelled.isEmpty else { return }
            state.cancelled.remove(id)
        }
    }

    /// The connection is gone and with it the answers.
    func disconnected(_ node: NodeID, _ connection: ConnectionKind) {
        self.failAll(.unreachable) { $0.node == node && $0.connection == connection }
    }

    func expire(now: ContinuousClock.Instant) {
        let isDue = self.state.withLock { state in state.earliest.map { $0 <= now } ?? false }
        guard isDue else { return }
        self.failAll(.deadlineExceeded) { $0.deadline <= now }
    }

    func shut() {
        self.state.withLock { $0.isShut = true }
        self.failAll(.unreachable) { _ in true }
    }

    private func failAll(_ error: CallError, where predicate: (Call) -> Bool) {
        let lost: [Call] = self.state.withLock { state in
            let lost = state.calls.filter { predicate($0.value) }
            for id in lost.keys { state.calls[id] = nil }
            state.earliest = state.calls.values.lazy.map(\.deadline).min()
            return Array(lost.values)
        }
        for call in lost { call.complete(.failure(error)) }
    }
}
