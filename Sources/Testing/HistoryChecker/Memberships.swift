/// Who was a member of a channel at which seq, from the channel's own log, and from when on a new membership may
/// have been known, from the changes that clients asked for.
struct Memberships {
    struct Turn {
        let seq: UInt64
        let joins: Bool
        /// No joining before this; `.min` where nothing is known.
        let begin: Microseconds
    }

    /// By client, by rising seq.
    private(set) var turns: [UInt32: [Turn]] = [:]

    init(log: [LogEntry.Content?], changes: [MembershipChange]) {
        var begins: [UInt32: [Microseconds]] = [:]
        for change in changes.sorted(by: { $0.begin < $1.begin }) where change.adds && change.outcome != .refused {
            begins[change.subject, default: []].append(change.begin)
        }
        var joined: [UInt32: Int] = [:]
        for (offset, content) in log.enumerated() {
            let seq = UInt64(offset) + 1
            switch content {
            case .joined(let client):
                // By the n-th joining n additions have begun, whichever they were.
                let count = joined[client, default: 0]
                let known = begins[client] ?? []
                let begin = count < known.count ? known[count] : .min
                joined[client] = count + 1
                self.turns[client, default: []].append(Turn(seq: seq, joins: true, begin: begin))
            case .left(let client):
                self.turns[client, default: []].append(Turn(seq: seq, joins: false, begin: .min))
            case .message, .other, nil: break
            }
        }
    }

    /// The removal that made the client no member at `seq`; nil where it is one, or never was.
    func removal(of client: UInt32, governing seq: UInt64) -> (removedAt: UInt64, rejoinBegin: Microseconds?)? {
        guard let turns = self.turns[client], let index = turns.lastIndex(where: { $0.seq < seq }),
            !turns[index].joins
        else { return nil }
        // The next turn is a joining; whoever was shown seq before it began was shown it as a stranger.
        let rejoin = turns[(index + 1)...].first { $0.joins }
        return (turns[index].seq, rejoin?.begin)
    }

    func wasRemoved(_ client: UInt32, between low: UInt64, and high: UInt64) -> Bool {
        self.turns[client]?.contains { !$0.joins && $0.seq >= low && $0.seq <= high } ?? false
    }

    func isMemberAtEnd(_ client: UInt32) -> Bool { self.turns[client]?.last?.joins ?? false }

    var membersAtEnd: Set<UInt32> { Set(self.turns.keys.filter { self.isMemberAtEnd($0) }) }
}
