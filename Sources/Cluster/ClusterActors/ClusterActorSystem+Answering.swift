// The called end. Nothing that a peer sends traps, and everything that it calls gets an answer or is counted.

import ClusterModel
import Distributed
import PeerTransport
import Synchronization

extension ClusterActorSystem: PeerReceiver {
    package func received(
        _ message: [UInt8], from node: NodeID, on kind: ConnectionKind, path: any ReturnPath
    ) {
        var reader = ByteReader(message)
        let head: CallMessage.Head
        do throws(WireError) {
            head = try CallMessage.readHead(&reader)
        } catch {
            self.counters.withLock { $0.malformedMessages += 1 }
            return
        }
        switch head {
        case .call(let id, let number, let instance, let millisecondsLeft):
            let deadline = ContinuousClock.now.advanced(by: .milliseconds(Int64(millisecondsLeft)))
            let answer = AnswerPath(id: id, path: path)
            self.dispatch(number, instance, reader, answer: answer, deadline: deadline, from: node)
        case .oneWay(let number, let instance):
            self.dispatch(number, instance, reader, answer: nil, deadline: nil, from: node)
        case .answer(let id):
            self.pending.finish(id, from: node, .success(Array(message[reader.position...])))
        case .part(let id):
            self.pending.take(message[reader.position...], of: id, from: node)
        case .failure(let id, let error):
            self.pending.finish(id, from: node, .failure(error))
        }
    }

    package func peerChanged(_ event: PeerEvent) {
        switch event {
        case .closed(let node, let kind): self.pending.disconnected(node, kind)
        case .opened, .connected, .refused, .rejected, .met, .claimed: break
        }
    }

    private func dispatch(
        _ number: UInt16, _ instance: UInt64, _ argument: ByteReader, answer: AnswerPath?,
        deadline: ContinuousClock.Instant?, from node: NodeID
    ) {
        guard let target = self.table[number], let handler = self.handlers[number] else {
            return self.refuse(answer, .unknownTarget)
        }
        // A target with an answer must be called with an id and one without must not: another reading of the table.
        guard target.delivery.hasAnswer == (answer != nil) else { return self.refuse(answer, .unknownTarget) }
        switch handler {
        case .direct(let body):
            body(instance, argument, node)
        case .answering(let body):
            guard let answer else { return self.refuse(nil, .unknownTarget) }
            guard self.beginConcurrentCall() else { return self.refuse(answer, .overloaded) }
            body(instance, argument, CallAnswer(answer) { self.endConcurrentCall() })
        case .actor(let body):
            guard let mailbox = self.actors[.init(kind: target.kind, instance: instance)] else {
                return self.refuse(answer, .unknownActor)
            }
            let call = QueuedCall(body: body, argument: argument, answer: answer, deadline: deadline)
            self.run(call, in: mailbox, concurrently: target.delivery == .concurrentCall)
        }
    }

    private func run(_ call: QueuedCall, in mailbox: Mailbox, concurrently: Bool) {
        guard concurrently else {
            switch mailbox.add(call) {
            case nil: return
            case .full: return self.refuse(call.answer, .overloaded)
            case .shut: return self.refuse(call.answer, .unknownActor)
            }
        }
        guard self.beginConcurrentCall() else { return self.refuse(call.answer, .overloaded) }
        mailbox.runConcurrently(call) { self.endConcurrentCall() }
    }

    private func beginConcurrentCall() -> Bool {
        self.concurrentCount.withLock { count in
            guard count < self.settings.concurrentCallsMax else { return false }
            count += 1
            return true
        }
    }

    private func endConcurrentCall() {
        self.concurrentCount.withLock { $0 -= 1 }
    }

    private func refuse(_ answer: AnswerPath?, _ error: CallError) {
        guard let answer else { return self.droppedOneWay(by: error) }
        self.counters.withLock { $0.refusedCalls += 1 }
        answer.fail(error)
    }
}
