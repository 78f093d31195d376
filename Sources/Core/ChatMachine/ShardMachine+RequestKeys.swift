import ChatModel
import ClusterModel

// Requests that come with an idempotency key.

extension ShardMachine {
    /// The first of a request with an idempotency key goes on; later ones get its answer.
    mutating func claimKey(_ key: IdempotencyKey, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    /// Keeps the answer of a request whose key was claimed.
    mutating func completeKey(_ key: IdempotencyKey, _ storedAnswer: StoredAnswer, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func keyedAnswerAnswer(_ key: IdempotencyKey) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
