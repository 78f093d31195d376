import ClusterModel
import Raft

/// Inputs in a few words, for people who read a replay.
enum RaftNarration {
    static func text(_ configuration: Configuration, at index: LogIndex, _ committed: Bool) -> String {
        "\(committed ? "committed" : "in force") at \(index): \(configuration)"
    }
}

extension RaftWorld {
    func narrateInput(_ place: Int, _ input: RaftInput) {
        let name = self.name(place)
        switch input {
        case .tick: break  // Thousands of them; what they cause is told.
        case .received(let message): self.tell(name, "receive", message.description)
        case .propose(let proposals):
            self.tell(name, "propose", "\(proposals.count) from operation \(proposals.first?.token ?? 0)")
        case .persisted(let mark): self.tell(name, "persisted", "\(mark)")
        case .read(let token, let voucher):
            let word = voucher.map { ", vouched for by \($0.replica) in term \($0.term)" } ?? ""
            self.tell(name, "read", "\(token)\(word)")
        case .changeConfiguration(let change): self.tell(name, "change", RaftNarration.text(change))
        case .transferLeadership(let id): self.tell(name, "transfer", "to \(id)")
        case .peerUnreachable(let node): self.tell(name, "unreachable", self.place(of: node).map(self.name) ?? "")
        case .peerRestarted(let node): self.tell(name, "restarted", self.place(of: node).map(self.name) ?? "")
        case .fetched(let id, let entries): self.tell(name, "fetched", "\(entries.count) entries for \(id)")
        case .compacted, .snapshotReady, .forceQuorum: break  // Told where they begin.
        case .snapshotDelivered(let id, let through): self.tell(name, "delivered", "to \(id), which is at \(through)")
        case .snapshotFailed(let id): self.tell(name, "undelivered", "to \(id)")
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
