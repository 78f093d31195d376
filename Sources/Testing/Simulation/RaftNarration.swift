import ClusterModel
import Raft

/// Messages and configurations in a few words, for people who read a replay.
enum RaftNarration {
    static func text(_ message: RaftMessage) -> String {
        "\(message.from.id)>\(message.to.id) t\(message.term) " + Self.text(message.body)
    }

    static func text(_ body: RaftMessage.Body) -> String {
        switch body {
        case .append(let index, let term, let entries, let commit):
            let last = entries.last.map { "…\($0.index)" } ?? ""
            return "append after \(index)/\(term) \(entries.count) entries\(last) commit \(commit)"
        case .appendAccepted(let match): return "accepted \(match)"
        case .appendRejected(let index, let hintIndex, let hintTerm):
            return "rejected \(index) hint \(hintIndex)/\(hintTerm)"
        case .preVote(let index, let term): return "preVote \(index)/\(term)"
        case .preVoteReply(let granted, let asked): return "preVoteReply \(granted) asked \(asked)"
        case .vote(let index, let term, let isTransfer): return "vote \(index)/\(term)\(isTransfer ? " transfer" : "")"
        case .voteReply(let granted): return "voteReply \(granted)"
        case .heartbeat(let commit, let context): return "heartbeat commit \(commit) read \(context)"
        case .heartbeatReply(let context): return "heartbeatReply read \(context)"
        case .commit(let index): return "commit \(index)"
        case .timeoutNow: return "timeoutNow"
        case .newerTerm: return "newerTerm"
        case .removed(let index): return "removed at \(index)"
        }
    }

    static func text(_ configuration: Configuration) -> String {
        func ids(_ replicas: [Replica]) -> String { replicas.map { "\($0.id)" }.joined(separator: ",") }
        return "voters \(ids(configuration.voters))"
            + (configuration.isJoint ? " outgoing \(ids(configuration.outgoing))" : "")
            + (configuration.learners.isEmpty ? "" : " learners \(ids(configuration.learners))")
            + " epoch \(configuration.epoch)"
    }

    static func text(_ configuration: Configuration, at index: LogIndex, _ committed: Bool) -> String {
        "\(committed ? "committed" : "in force") at \(index): \(Self.text(configuration))"
    }
}

extension RaftWorld {
    func narrateInput(_ place: Int, _ input: RaftInput) {
        let name = self.name(place)
        switch input {
        case .tick: break  // Thousands of them; what they cause is told.
        case .received(let message): self.tell(name, "receive", RaftNarration.text(message))
        case .propose(let proposals):
            self.tell(name, "propose", "\(proposals.count) from operation \(proposals.first?.token ?? 0)")
        case .persisted(let mark): self.tell(name, "persisted", "\(mark)")
        case .read(let token): self.tell(name, "read", "\(token)")
        case .changeConfiguration(let change): self.tell(name, "change", RaftNarration.text(change))
        case .transferLeadership(let id): self.tell(name, "transfer", "to \(id)")
        case .peerUnreachable(let node): self.tell(name, "unreachable", self.place(of: node).map(self.name) ?? "")
        case .peerRestarted(let node): self.tell(name, "restarted", self.place(of: node).map(self.name) ?? "")
        case .fetched(let id, let entries): self.tell(name, "fetched", "\(entries.count) entries for \(id)")
        }
    }
}

extension RaftNarration {
    static func text(_ change: ConfigurationChange) -> String {
        switch change {
        case .addLearner(let node, let epoch): return "add learner on \(node.short) epoch \(epoch)"
        case .removeLearner(let id, let epoch): return "remove learner \(id) epoch \(epoch)"
        case .replaceVoters(let ids, let epoch):
            return "voters \(ids.map { "\($0)" }.joined(separator: ",")) epoch \(epoch)"
        }
    }
}
