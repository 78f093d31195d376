// Data's way, steps 7–10: committed entries reach the machine; its answers, events and rows go their ways.

import ChatMachine
import ChatModel
import ClusterModel
import Failpoints
import Projections
import Raft

extension ShardReplica {
    func apply(_ entries: [Entry]) {
        Failpoints.hit(.applyBefore)
        var bytes = 0
        // Out of this object while it is used, so that each access to it needs no check.
        var effects = ApplyEffects()
        swap(&effects, &self.applyEffects)
        for entry in entries {
            precondition(
                entry.index == self.appliedIndex.next(),
                "shard \(self.shard): entry \(entry.index) after applied \(self.appliedIndex)")
            self.appliedIndex = entry.index
            bytes += entry.byteCount
            let proposal = self.takeProposal(for: entry)
            switch entry.payload {
            case .noop, .configuration: break
            case .command(let bytes):
                self.apply(bytes, at: entry.index, proposal, &effects)
            }
            self.rowMarks.append(
                RowMark(
                    index: entry.index, end: self.pendingRows.end, stateHash: self.machine.stateHash))
            self.host.witness?.applied(
                self.shard, entry, stateHash: self.machine.stateHash, events: effects.events)
            effects.removeAll(keepingCapacity: true)
        }
        swap(&effects, &self.applyEffects)
        self.retention.applied(
            self.appliedIndex, bytes: bytes, nodeBytes: self.host.disk.logBytes,
            milliseconds: self.host.milliseconds)
        self.host.didApply(self, entries.count)
        Failpoints.hit(.applyAfter)
        self.serveReadsAwaitingApply()
        if self.isTransactionFull { self.project() }
    }

    private func apply(
        _ bytes: [UInt8], at index: LogIndex, _ proposal: QueuedProposal?, _ effects: inout ApplyEffects
    ) {
        let logged: LoggedCommand
        if let proposal {
            logged = proposal.logged
        } else {
            do throws(WireError) {
                logged = try LoggedCommand(encoded: bytes)
            } catch {
                // Skipping it would let this replica drift from those that know the command.
                self.host.stop(.unknownCommand(shard: self.shard, index: index, error))
                return
            }
        }
        let result = self.machine.apply(logged, at: index, into: &effects)
        self.pendingRows.append(effects.changes)
        self.host.didQueueRows(effects.changes.count)
        if let proposal { self.answer(proposal, at: index, hasEffects: effects.outboxAdded, result) }
        for event in effects.events { self.feed(event) }
        for notice in effects.notices { self.feed(notice.0, notice.1) }
        for aside in effects.asides { self.feed(aside.2, to: aside.1, in: aside.0) }
        if effects.outboxAdded { self.host.outboxGrew(self) }
        if effects.registryChanged || effects.directoryChanged || effects.accountsChanged {
            self.host.directoryApplied(effects)
        }
    }
}
