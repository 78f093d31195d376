/// What one client's following of one thread can have come to: by the log, and by its own orders, which stand in no log.
///
/// The log says who replied, whom a reply named and who left. Where an order stands among these is not known, only the
/// order of the client's orders and what each was answered; so all places are tried (a table of orders by events, with
/// the few states that are possible at each place).
struct ThreadCourse {
    /// That the client follows, or has left, and how far it has read; nil in its place as long as nothing was decided.
    struct Follow: Hashable {
        var follows: Bool
        var readSeq: UInt64
    }
    /// An event that changes it.
    struct Step {
        enum Kind {
            case left
            /// The client's own reply.
            case own
            /// A reply of somebody else. `names` is nil where the text is erased.
            case other(names: Bool?)
        }
        let seq: UInt64
        let kind: Kind
        /// Whether the client was a member then.
        let isMember: Bool
    }

    let isRootAuthor: Bool
    let steps: [Step]
    /// Of the channel.
    let head: UInt64
    /// The client's orders about this thread, without those that were refused.
    let orders: [LivelyOperation]

    /// Whether an order may have been carried out at any time, or once more: then only bounds are known.
    var isOpen: Bool { self.orders.contains { $0.unknownAttempts > 0 } }

    /// What it can be at the end; empty where the answers contradict the log.
    func ends() -> Set<Follow?> { self.table().last ?? [] }

    /// What it can be behind each reply, by the log alone.
    func byLog() -> [UInt64: Set<Follow?>] {
        let row = self.propagate(self.firstRow)
        var found: [UInt64: Set<Follow?>] = [:]
        for (place, step) in self.steps.enumerated() { found[step.seq] = row[place + 1] }
        return found
    }

    /// Whether it follows, where some orders are open: as the log alone has it, or as any order says.
    func mayFollow(_ follows: Bool) -> Bool {
        let last = self.propagate(self.firstRow).last ?? []
        return last.contains { ($0?.follows ?? false) == follows }
            || self.orders.contains { order in
                switch order.action {
                case .follow: follows
                case .unfollow: !follows
                default: false
                }
            }
    }

    /// How far the client has read, as a node tells it: an own reply counts.
    func readSeq(of follow: Follow?) -> UInt64 {
        follow.map { max($0.readSeq, self.lastOwn(before: self.steps.count)) } ?? 0
    }

    // MARK: The table

    private var firstRow: [Set<Follow?>] {
        var row = [Set<Follow?>](repeating: [], count: self.steps.count + 1)
        row[0] = [nil]
        return row
    }

    private func table() -> [Set<Follow?>] {
        var row = self.propagate(self.firstRow)
        for order in self.orders {
            var next = row
            for place in row.indices {
                next[place] = Set(row[place].flatMap { self.obey(order, $0, at: place) })
            }
            row = self.propagate(next)
        }
        return row
    }

    /// A row in which each state has also taken the steps behind it.
    private func propagate(_ row: [Set<Follow?>]) -> [Set<Follow?>] {
        var row = row
        for (place, step) in self.steps.enumerated() {
            for state in row[place] { row[place + 1].formUnion(self.take(step, state)) }
        }
        return row
    }

    private func take(_ step: Step, _ state: Follow?) -> Set<Follow?> {
        if case .left = step.kind { return [nil] }
        guard state == nil, step.isMember else { return [state] }
        switch step.kind {
        case .left: return [nil]
        case .own: return [Follow(follows: true, readSeq: step.seq)]
        case .other(let names):
            if self.isRootAuthor { return [Follow(follows: true, readSeq: 0)] }
            let named = Follow(follows: true, readSeq: step.seq - 1)
            return names.map { $0 ? [named] : [nil] } ?? [nil, named]
        }
    }

    /// What the order leaves, if it was carried out behind so many steps; nothing where its answer says otherwise.
    private func obey(_ order: LivelyOperation, _ state: Follow?, at place: Int) -> [Follow?] {
        guard let told = order.told else { return [state] }
        let low = place == 0 ? 0 : self.steps[place - 1].seq
        let high = place < self.steps.count ? self.steps[place].seq - 1 : self.head
        let shown = state.map { max($0.readSeq, self.lastOwn(before: place)) } ?? 0
        switch order.action {
        case .follow:
            if state?.follows ?? false { return told == shown ? [state] : [] }
            // Whoever begins to follow has read up to the head of that time.
            return told >= max(low, shown) && told <= high ? [Follow(follows: true, readSeq: told)] : []
        case .unfollow: return [Follow(follows: false, readSeq: state?.readSeq ?? 0)]
        case .readThread(_, let seq):
            guard let state else { return told == 0 ? [nil] : [] }
            // Up to the seq that was asked for, or the head of that time.
            guard told >= min(seq, low), told >= shown, told == shown || told <= min(seq, high) else { return [] }
            return [Follow(follows: state.follows, readSeq: max(told, state.readSeq))]
        default: return [state]
        }
    }

    private func lastOwn(before place: Int) -> UInt64 {
        self.steps[..<place].last { if case .own = $0.kind { true } else { false } }?.seq ?? 0
    }
}

extension LivelyOperation {
    /// What the answer that it was done says; nil without one.
    fileprivate var told: UInt64? {
        for case .done(let seq) in self.attempts { return seq }
        return nil
    }
}
