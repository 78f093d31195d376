// C7, and C1 of what reads show.

extension ChannelCheck {
    mutating func checkReads() {
        let known = KnownHeads(self.knownAt)
        for read in self.history.reads {
            self.figures.reads += 1
            switch read.outcome {
            case .denied: break
            case .failed: self.figures.failedReads += 1
            case .entries(let entries, let reachesHead):
                self.checkEntries(entries, of: read)
                guard read.consistency == .linearizable, reachesHead else { continue }
                let shown = entries.last?.seq ?? 0
                let due = known.head(before: read.begin)
                if shown < due {
                    self.found.append(
                        .staleRead(client: read.client, node: read.node, begin: read.begin, shown: shown, due: due))
                }
            }
        }
    }

    private mutating func checkEntries(_ entries: [LogEntry], of read: Read) {
        var last: UInt64?
        for entry in entries {
            if self.content(at: entry.seq) != entry.content {
                self.found.append(
                    .divergence(
                        source: .read(client: read.client, node: read.node), seq: entry.seq, shown: entry.content,
                        inLog: self.content(at: entry.seq)))
            } else if self.sentAt[Int(entry.seq) - 1] > read.end, self.sentAt[Int(entry.seq) - 1] != .max {
                self.found.append(
                    .readFromFuture(
                        client: read.client, seq: entry.seq, end: read.end, sentAt: self.sentAt[Int(entry.seq) - 1]))
            }
            if let last {
                if entry.seq <= last {
                    self.found.append(
                        .logGap(source: .read(client: read.client, node: read.node), after: last, next: entry.seq))
                } else if self.messages(after: last, before: entry.seq) > 0 {
                    self.found.append(
                        .readGap(
                            client: read.client, node: read.node, after: last,
                            missing: self.firstMessage(from: last + 1)))
                }
            }
            last = max(entry.seq, last ?? 0)
        }
    }

    // MARK: Sessions

    /// One client's reads never go back, whichever nodes they ask, and a session read covers the client's own acks.
    mutating func checkSessions() {
        var reads: [UInt32: [Int]] = [:]
        for (index, read) in self.history.reads.enumerated() where read.consistency != .local {
            guard case .entries(_, reachesHead: true) = read.outcome else { continue }
            reads[read.client, default: []].append(index)
        }
        guard !reads.isEmpty else { return }
        var acks: [UInt32: [(time: Microseconds, seq: UInt64)]] = [:]
        for append in self.history.appends where reads[append.key.client] != nil {
            if case .acked(let seq, _) = append.outcome {
                acks[append.key.client, default: []].append((append.end, seq))
            }
        }
        for client in reads.keys.sorted() {
            self.checkSession(
                reads[client, default: []].map { self.history.reads[$0] }, own: KnownHeads(acks[client] ?? []))
        }
    }

    private mutating func checkSession(_ reads: [Read], own: KnownHeads) {
        // By their ends, with where they ended: only what had ended before a read began binds it.
        let ended = reads.enumerated().map { (time: $1.end, seq: Self.lastSeq($1), index: $0) }.sorted {
            ($0.time, $0.index) < ($1.time, $1.index)
        }
        var next = 0
        var had: UInt64 = 0
        var hadAt = ""
        for read in reads.sorted(by: { $0.begin < $1.begin }) {
            while next < ended.count, ended[next].time < read.begin {
                if ended[next].seq > had {
                    had = ended[next].seq
                    hadAt = reads[ended[next].index].node
                }
                next += 1
            }
            let shown = Self.lastSeq(read)
            if shown < had {
                self.found.append(
                    .sessionWentBack(client: read.client, from: hadAt, to: read.node, had: had, shown: shown))
            }
            let acked = own.head(before: read.begin)
            if read.consistency == .session, shown < acked {
                self.found.append(
                    .ownWriteMissing(client: read.client, node: read.node, acked: acked, shown: shown))
            }
        }
    }

    private static func lastSeq(_ read: Read) -> UInt64 {
        if case .entries(let entries, _) = read.outcome { entries.last?.seq ?? 0 } else { 0 }
    }
}

/// The highest seq that was known before a moment: times sorted, with prefix maxima.
struct KnownHeads {
    private let times: [Microseconds]
    private let heads: [UInt64]

    /// - Parameter knownAt: By seq - 1; `.max` where nobody knew.
    init(_ knownAt: [Microseconds]) {
        self.init(
            knownAt.enumerated().compactMap { $1 == .max ? nil : (time: $1, seq: UInt64($0) + 1) })
    }

    init(_ known: [(time: Microseconds, seq: UInt64)]) {
        let sorted = known.sorted { ($0.time, $0.seq) < ($1.time, $1.seq) }
        self.times = sorted.map(\.time)
        var head: UInt64 = 0
        self.heads = sorted.map { entry in
            head = max(head, entry.seq)
            return head
        }
    }

    /// Strictly before; 0 where nothing was.
    func head(before time: Microseconds) -> UInt64 {
        var low = 0
        var high = self.times.count
        while low < high {
            let middle = (low + high) / 2
            if self.times[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : self.heads[low - 1]
    }
}
