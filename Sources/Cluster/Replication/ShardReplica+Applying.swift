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
        for entry in entries {
            precondition(
                entry.index == self.appliedIndex.next(),
                "shard \(self.shard): entry \(entry.index) after applied \(self.appliedIndex)")
            self.appliedIndex = entry.index
            bytes += entry.byteCount
            let proposal = self.takeProposal(for: entry)
            switch entry.payload {
            case .noop, .configuration:
                self.applyEffects.removeAll(keepingCapacity: true)
            case .command(let bytes):
                self.apply(bytes, at: entry.index, proposal)
            }
            self.rowMarks.append(
                RowMark(
                    index: entry.index, end: self.pendingRows.end, stateHash: self.machine.stateHash))
            self.host.witness?.applied(
                self.shard, entry, stateHash: self.machine.stateHash, events: self.applyEffects.events)
        }
        self.retention.applied(
            self.appliedIndex, bytes: bytes, nodeBytes: self.host.disk.logBytes,
            milliseconds: self.host.milliseconds)
        self.host.didApply(self, entries.count)
        Failpoints.hit(.applyAfter)
        self.serveReadsAwaitingApply()
        if self.isTransactionFull { self.project() }
    }

    private func apply(_ bytes: [UInt8], at index: LogIndex, _ proposal: QueuedProposal?) {
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
        self.applyEffects.removeAll(keepingCapacity: true)
        let result = self.machine.apply(logged, at: index, into: &self.applyEffects)
        for change in self.applyEffects.changes { self.pendingRows.append(change) }
        self.host.didQueueRows(self.applyEffects.changes.count)
        if let proposal { self.answer(proposal, at: index, result) }
        for event in self.applyEffects.events { self.feed(event) }
        for notice in self.applyEffects.notices { self.feed(notice.0, notice.1) }
        for aside in self.applyEffects.asides { self.feed(aside.2, to: aside.1, in: aside.0) }
        if self.applyEffects.outboxAdded { self.host.outboxGrew(self) }
        self.host.directoryApplied(self.applyEffects)
    }
}
