// C6: real time. A message that was first sent after another was known to stand in the log stands behind it.

extension ChannelCheck {
    /// When each message was first sent, and when it was first known to stand where it does. Not only acks: whoever
    /// was shown a message knows that it is committed, and what is sent afterwards must come behind it.
    mutating func gatherTimes() {
        self.sentAt = Array(repeating: .max, count: self.log.count)
        self.knownAt = Array(repeating: .max, count: self.log.count)
        for record in self.records where record.position != 0 {
            let slot = Int(record.position) - 1
            self.sentAt[slot] = min(self.sentAt[slot], record.firstBegin)
            if record.ackedAt == record.position { self.knownAt[slot] = min(self.knownAt[slot], record.firstAck) }
        }
        for read in self.history.reads {
            guard case .entries(let entries, _) = read.outcome else { continue }
            for entry in entries { self.know(entry, at: read.end) }
        }
        for delivery in self.history.deliveries {
            if case .event(let entry) = delivery.event { self.know(entry, at: delivery.at) }
        }
    }

    private mutating func know(_ entry: LogEntry, at time: Microseconds) {
        // What diverges from the log proves nothing of the log; it is reported as a divergence.
        guard entry.isMessage, self.content(at: entry.seq) == entry.content else { return }
        let slot = Int(entry.seq) - 1
        self.knownAt[slot] = min(self.knownAt[slot], time)
    }

    /// The suffix minimum of `knownAt`: one pass from the head down.
    mutating func checkOrder() {
        var earliest = Microseconds.max
        var earliestSeq: UInt64 = 0
        for slot in self.log.indices.reversed() {
            guard case .message(let key, _) = self.log[slot] else { continue }
            if earliest < self.sentAt[slot], self.sentAt[slot] != .max {
                self.found.append(
                    .inversion(
                        key, seq: UInt64(slot) + 1, begin: self.sentAt[slot], overtaken: earliestSeq,
                        ackedAt: earliest))
            }
            if self.knownAt[slot] < earliest {
                earliest = self.knownAt[slot]
                earliestSeq = UInt64(slot) + 1
            }
        }
    }
}
