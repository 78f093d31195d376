// C9: after a removal was acknowledged its subject reads nothing (a local read: nothing behind the removal), posts
// nothing, and no log has anything of it.

extension ChannelCheck {
    mutating func checkAccess(_ memberships: Memberships) {
        for (offset, content) in self.log.enumerated() {
            guard case .message(let key, _) = content else { continue }
            let seq = UInt64(offset) + 1
            if let removal = memberships.removal(of: key.client, governing: seq) {
                self.found.append(.entryByNonMember(key, seq: seq, removedAt: removal.removedAt))
            }
        }
        var changes: [UInt32: [MembershipChange]] = [:]
        for change in self.history.changes { changes[change.subject, default: []].append(change) }
        guard !changes.isEmpty else { return }
        for client in changes.keys { changes[client]?.sort { $0.begin < $1.begin } }

        for read in self.history.reads {
            guard case .entries(let shown, _) = read.outcome, let own = changes[read.client],
                let removed = Self.removal(own, before: read.begin, until: read.end)
            else { continue }
            // A local read is of some past of the channel, and a node that is cut off knows nothing later: what stood
            // there before the removal may show. Nothing behind the removal may, on any node, ever.
            if read.consistency == .local {
                guard let newest = shown.last, memberships.removal(of: read.client, governing: newest.seq) != nil
                else { continue }
            }
            self.found.append(
                .readAfterRemoval(
                    client: read.client, node: read.node, begin: read.begin, removalAcked: removed.end))
        }
        for append in self.history.appends {
            guard case .acked = append.outcome, let own = changes[append.key.client],
                let place = self.keys[append.key],
                // A repeat of what was taken before the removal is answered as the first attempt was.
                self.records[place].firstBegin == append.begin,
                let removed = Self.removal(own, before: append.begin, until: append.end)
            else { continue }
            self.found.append(
                .postAfterRemoval(append.key, begin: append.begin, removalAcked: removed.end))
        }
    }

    /// The removal that was acknowledged before `begin` and that no addition begun up to `end` can have undone: neither
    /// a later one, nor an earlier one that had no answer and may be carried out at any time.
    private static func removal(
        _ changes: [MembershipChange], before begin: Microseconds, until end: Microseconds
    ) -> MembershipChange? {
        guard let removal = changes.last(where: { !$0.adds && $0.outcome == .done && $0.end < begin }) else {
            return nil
        }
        let isUndone = changes.contains {
            $0.adds && $0.outcome != .refused && $0.begin <= end
                && ($0.begin >= removal.begin || $0.outcome == .unknown)
        }
        return isUndone ? nil : removal
    }
}
