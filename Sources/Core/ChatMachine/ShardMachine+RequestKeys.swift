import ChatModel
import ClusterModel

// Requests that come with an idempotency key.

extension ShardMachine {
    /// The first of a request with an idempotency key goes on; later ones get its answer.
    mutating func claimKey(_ key: IdempotencyKey, _ effects: inout ApplyEffects) -> CommandResult {
        guard let index = self.users.index(forKey: key.user) else { return .refused(.notFound) }
        let stored = key.storedForRequest()
        // Before room is made for one more: the oldest of a full table may be the one that is asked for.
        if let known = self.users.values[index].extras.keys[stored], known.at > self.keysForgottenThrough {
            guard known.key.fingerprint == stored.fingerprint else { return .refused(.idempotencyKeyReused) }
            return .keyed(isComplete: known.isComplete)
        }
        self.forgetClaims(of: key.user, &effects)
        let claim = self.users.values[index].extras.keys.claim(stored, at: self.clock)
        self.record(.put(kind: .requestKey, key: claim.recordKey(of: key.user), value: claim.record), &effects)
        return .done
    }

    /// Keeps the answer of a request whose key was claimed; the first one stays.
    mutating func completeKey(_ key: IdempotencyKey, _ storedAnswer: StoredAnswer, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        let stored = key.storedForRequest()
        guard let index = self.users.index(forKey: key.user),
            let known = self.users.values[index].extras.keys[stored]
        else { return .refused(.notFound) }
        guard known.key.fingerprint == stored.fingerprint else { return .refused(.idempotencyKeyReused) }
        guard let claim = self.users.values[index].extras.keys.complete(stored) else { return .done }
        self.record(.put(kind: .requestKey, key: claim.recordKey(of: key.user), value: claim.record), &effects)
        self.record(
            .keep(.keyedAnswer, key: ItemKey.of(key.user, stored), value: storedAnswer.encoded), &effects)
        return .done
    }

    func keyedAnswerAnswer(_ key: IdempotencyKey) -> MachineAnswer {
        let stored = key.storedForRequest()
        guard let claim = self.users[key.user]?.extras.keys[stored], claim.isComplete,
            claim.key.fingerprint == stored.fingerprint
        else { return .answer(.keyedAnswer(nil)) }
        let itemKey = ItemKey.of(key.user, stored)
        return .needsHistory(
            .items(
                ItemPage(kind: .keyedAnswer, from: itemKey, to: itemKey + [0], limit: 1, isDescending: false),
                as: .keyed))
    }

    /// What is older than a day, and the oldest where there is no room for one more. Whoever claims clears its own.
    private mutating func forgetClaims(of user: UserID, _ effects: inout ApplyEffects) {
        guard let index = self.users.index(forKey: user) else { return }
        let horizon = self.keysForgottenThrough
        while let claim = self.users.values[index].extras.keys.takeForgotten(through: horizon) {
            self.record(.delete(kind: .requestKey, key: claim.recordKey(of: user)), &effects)
            guard claim.isComplete else { continue }
            self.record(.drop(.keyedAnswer, key: ItemKey.of(user, claim.key)), &effects)
        }
    }
}
