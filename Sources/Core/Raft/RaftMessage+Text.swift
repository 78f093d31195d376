import ClusterModel

// Messages and configurations in a few words, for traces and replays. Payloads are never shown.

extension RaftMessage: CustomStringConvertible {
    package var description: String {
        "\(self.from.id)>\(self.to.id) t\(self.term)\(self.incarnation == .founding ? "" : "#\(self.incarnation)") \(self.body)"
    }
}

extension RaftMessage.Body: CustomStringConvertible {
    package var description: String {
        switch self {
        case .preVote(let index, let term): return "preVote \(index)/\(term)"
        case .preVoteReply(let verdict, let asked): return "preVoteReply \(verdict) asked t\(asked)"
        case .vote(let index, let term, let isTransfer): return "vote \(index)/\(term)\(isTransfer ? " transfer" : "")"
        case .voteReply(let verdict): return "voteReply \(verdict)"
        case .append(let index, let term, let entries, let commit):
            let range = entries.last.map { " …\($0.index)" } ?? ""
            return "append after \(index)/\(term): \(entries.count)\(range), commit \(commit)"
        case .appendAccepted(let match): return "accepted \(match)"
        case .appendRejected(let index, let hintIndex, let hintTerm):
            return "rejected \(index), hint \(hintIndex)/\(hintTerm)"
        case .heartbeat(let commit, let context): return "heartbeat commit \(commit), read \(context)"
        case .heartbeatReply(let context, let isDamaged):
            return "heartbeatReply read \(context)\(isDamaged ? ", damaged" : "")"
        case .commit(let index): return "commit \(index)"
        case .timeoutNow: return "timeoutNow"
        case .newerTerm: return "newerTerm"
        case .removed(let index): return "removed at \(index)"
        case .repairQuery: return "repairQuery"
        case .repairTarget(_, let index): return "repairTarget \(index)"
        }
    }
}

extension RaftMessage.Verdict: CustomStringConvertible {
    package var description: String {
        switch self {
        case .denied: return "no"
        case .granted: return "yes"
        case .grantedIfUnanimous: return "yes if all"
        }
    }
}

extension Configuration: CustomStringConvertible {
    package var description: String {
        func ids(_ replicas: [Replica]) -> String { replicas.map { "\($0.id)" }.joined(separator: ",") }
        return "voters \(ids(self.voters))" + (self.isJoint ? " outgoing \(ids(self.outgoing))" : "")
            + (self.learners.isEmpty ? "" : " learners \(ids(self.learners))") + " epoch \(self.epoch)"
            + (self.incarnation == .founding ? "" : " incarnation \(self.incarnation)")
    }
}
