import ChatModel
import ClusterModel
import DequeModule

/// Answers that wait until other shards have applied what their commands ask of them, so that whoever is answered
/// finds it there, on whatever node it asks next.
///
/// A courtesy, not a promise: the effects are in the log already, and an answer that has waited for long enough is
/// given without them. It is a table, so that nobody waits inside a turn of the loop.
struct EffectWaiters {
    typealias Answer = () -> Void

    private struct Waiter {
        /// Who must have applied what, at most one position a shard.
        var lanes: [EffectLane]
        /// Milliseconds of the loop's clock.
        let deadline: UInt64
        let answer: Answer
    }

    /// In the order of the log, which is that of their deadlines.
    private var waiters: Deque<Waiter> = []

    /// More answers than this do not wait: they are given at once.
    static let countMax = 4_096

    var isEmpty: Bool { self.waiters.isEmpty }
    var isFull: Bool { self.waiters.count >= Self.countMax }

    mutating func append(_ lanes: [EffectLane], deadline: UInt64, _ answer: @escaping Answer) {
        self.waiters.append(Waiter(lanes: lanes, deadline: deadline, answer: answer))
    }

    /// `target` has applied every effect on it up to and with `through`.
    ///
    /// - Returns: the answers that wait for nothing more, in the order of the log.
    mutating func applied(by target: ShardID, through: OutboxPosition) -> [Answer] {
        var answers: [Answer] = []
        for place in self.waiters.indices {
            self.waiters[place].lanes.removeAll { $0.target == target && $0.through <= through }
            if self.waiters[place].lanes.isEmpty { answers.append(self.waiters[place].answer) }
        }
        if !answers.isEmpty { self.waiters.removeAll(where: \.lanes.isEmpty) }
        return answers
    }

    /// The answers that have waited for long enough.
    mutating func expired(at now: UInt64) -> [Answer] {
        var answers: [Answer] = []
        while let first = self.waiters.first, first.deadline <= now {
            answers.append(first.answer)
            self.waiters.removeFirst()
        }
        return answers
    }

    mutating func removeAll() -> [Answer] {
        defer { self.waiters = [] }
        return self.waiters.map(\.answer)
    }
}
