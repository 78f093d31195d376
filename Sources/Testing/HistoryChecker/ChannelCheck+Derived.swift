// C10, what webhooks heard, and C12, what is derived from the log: judged only where a history has such records.

extension ChannelCheck {
    mutating func checkHooks() {
        guard !self.history.hooks.isEmpty || !self.history.hookDeliveries.isEmpty else { return }
        var ids: [String: [UInt64: [String]]] = [:]
        var last: [String: UInt64] = [:]
        for delivery in self.history.hookDeliveries {
            guard delivery.hasValidSignature else {
                self.found.append(.hookUnsigned(hook: delivery.hook, deliveryID: delivery.deliveryID))
                continue
            }
            if case .message(let key, _) = self.content(at: delivery.seq), key == delivery.key {
                let known = ids[delivery.hook]?[delivery.seq] ?? []
                if known.isEmpty {
                    if let before = last[delivery.hook], delivery.seq < before {
                        self.found.append(.hookOrder(hook: delivery.hook, seq: delivery.seq, after: before))
                    }
                    last[delivery.hook] = max(delivery.seq, last[delivery.hook] ?? 0)
                }
                if !known.contains(delivery.deliveryID) {
                    ids[delivery.hook, default: [:]][delivery.seq, default: []].append(delivery.deliveryID)
                }
            } else {
                self.found.append(.phantom(delivery.key, seq: delivery.seq))
            }
        }
        for hook in self.history.hooks {
            let heard = ids[hook.hook] ?? [:]
            var seq = self.firstMessage(from: hook.afterSeq + 1)
            while seq <= self.head {
                let known = heard[seq] ?? []
                if known.isEmpty { self.found.append(.hookMissed(hook: hook.hook, seq: seq)) }
                if known.count > 1 { self.found.append(.hookIDChanged(hook: hook.hook, seq: seq, ids: known)) }
                seq = self.firstMessage(from: seq + 1)
            }
        }
    }

    mutating func checkDerived(_ memberships: Memberships) {
        for row in self.history.sidebars {
            self.figures.sidebarRows += 1
            // Names stand in lively channels only.
            guard row.head != self.head || row.unread != self.unread(of: row) || row.mentions != 0 else { continue }
            self.found.append(
                .sidebarWrong(
                    client: row.client, node: row.node, head: row.head, unread: row.unread, mentions: row.mentions,
                    due: self.head))
        }
        let due = memberships.membersAtEnd
        self.figures.memberLists += self.history.memberLists.count
        for list in self.history.memberLists where list.clients != due {
            self.found.append(
                .membersWrong(
                    node: list.node, missing: due.subtracting(list.clients).sorted(),
                    extra: list.clients.subtracting(due).sorted()))
        }
    }

    /// Messages of others beyond the marker, and no own one beyond it: whoever writes has read so far.
    private func unread(of row: SidebarRow) -> UInt64? {
        var count: UInt64 = 0
        var seq = self.firstMessage(from: row.readSeq + 1)
        while seq <= self.head {
            guard case .message(let key, _) = self.content(at: seq), key.client != row.client else { return nil }
            count += 1
            seq = self.firstMessage(from: seq + 1)
        }
        return count
    }
}
