// C8: what sockets were given, over all connections of a client; and C9 of what they were given.

extension ChannelCheck {
    mutating func checkDeliveries(_ memberships: Memberships) {
        var due: [UInt32: UInt64] = [:]
        for delivery in self.history.deliveries {
            self.take(delivery, due: &due[delivery.client], memberships)
        }
    }

    private mutating func take(_ delivery: Delivery, due: inout UInt64?, _ memberships: Memberships) {
        let client = delivery.client
        switch delivery.event {
        case .began(let after), .joined(let after):
            guard let before = due else {
                due = after + 1
                return
            }
            // A position behind what the client has is no news: a repeat shows by its events.
            guard after + 1 > before else { return }
            if !memberships.wasRemoved(client, between: before - 1, and: after) {
                self.found.append(.deliveryGap(client: client, due: before, got: after + 1))
            }
            due = after + 1
        case .event(let entry):
            self.figures.deliveries += 1
            self.check(entry, shownTo: client, at: delivery.at, memberships)
            let expected = due ?? entry.seq
            if entry.seq > expected {
                self.found.append(.deliveryGap(client: client, due: expected, got: entry.seq))
            } else if entry.seq < expected {
                self.found.append(.deliveryRepeat(client: client, due: expected, got: entry.seq))
            }
            due = max(entry.seq + 1, expected)
        case .reset(let head):
            self.figures.resets += 1
            if let before = due, head + 1 < before {
                self.found.append(.resetBehind(client: client, had: before - 1, head: head))
            }
            due = max(head + 1, due ?? 0)
        case .left: break
        case .ended(let last):
            if last < self.head, memberships.isMemberAtEnd(client) {
                self.found.append(.deliveryIncomplete(client: client, last: last, head: self.head))
            }
        }
    }

    private mutating func check(
        _ entry: LogEntry, shownTo client: UInt32, at time: Microseconds, _ memberships: Memberships
    ) {
        if self.content(at: entry.seq) != entry.content {
            self.found.append(
                .divergence(
                    source: .delivery(client: client), seq: entry.seq, shown: entry.content,
                    inLog: self.content(at: entry.seq)))
        } else if self.sentAt[Int(entry.seq) - 1] > time, self.sentAt[Int(entry.seq) - 1] != .max {
            self.found.append(
                .deliveryFromFuture(
                    client: client, seq: entry.seq, at: time, sentAt: self.sentAt[Int(entry.seq) - 1]))
        }
        guard self.history.isPrivate, let removal = memberships.removal(of: client, governing: entry.seq)
        else { return }
        if removal.rejoinBegin.map({ time < $0 }) ?? true {
            self.found.append(.shownAfterRemoval(client: client, seq: entry.seq, removedAt: removal.removedAt))
        }
    }
}
