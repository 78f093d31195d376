// Data's way, step 9: an answer waits a moment for what its command asks of other shards.

import ChatMachine
import ChatModel
import ClusterModel

extension ShardReplica {
    /// Gives the answer to a command that has just been applied: at once, or when its effects have been applied too.
    ///
    /// - Parameter awaitsEffects: it has any, and is one of those whose answers wait for them.
    func answer(_ proposal: QueuedProposal, at index: LogIndex, awaitsEffects: Bool, _ result: CommandResult) {
        guard awaitsEffects, self.isLeader, !self.effectWaiters.isFull else {
            return proposal.complete(.applied(result))
        }
        let lanes = self.machine.effectLanes(of: index)
        guard !lanes.isEmpty else { return proposal.complete(.applied(result)) }
        let deadline = self.host.milliseconds + self.host.settings.effectsAwaitedMillisecondsMax
        self.effectWaiters.append(lanes, deadline: deadline) {
            proposal.complete(.applied(result))
        }
    }

    func effectsApplied(by target: ShardID, through: OutboxPosition) {
        guard !self.effectWaiters.isEmpty else { return }
        for answer in self.effectWaiters.applied(by: target, through: through) { answer() }
    }

    func answerOverdue(_ now: UInt64) {
        guard !self.effectWaiters.isEmpty else { return }
        for answer in self.effectWaiters.expired(at: now) { answer() }
    }

    /// What was applied stays applied: whoever does not lead any more hears nothing of the effects.
    func answerAllAwaiting() {
        guard !self.effectWaiters.isEmpty else { return }
        for answer in self.effectWaiters.removeAll() { answer() }
    }
}
