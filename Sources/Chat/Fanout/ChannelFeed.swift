import DequeModule

/// One channel's events on their way through a node: gapless and once each, whatever the source does.
///
/// ```
///            ring (the last 256)        next
/// ├───────────┬─────────────────────────┤
/// 1           next - ring.count         the only seq that is taken
/// ```
/// The source may repeat, lose and reorder. What is not `next` is dropped; a later one shows a gap and makes the
/// feed ask again from where it stands. Nothing waits here for a reader: readers hold cursors of their own and
/// take what they miss from the ring, or from the log when the ring has moved on.
///
/// Pure; time comes in as ticks.
package struct ChannelFeed<Event> {
    package enum Input {
        /// The source has sent this one.
        case event(seq: UInt64, Event)
        /// Somebody knows that the channel has reached `seq`: if it does not come by itself, it was lost.
        case head(seq: UInt64)
        /// The source can not go on from where it was; the channel stands at `head`.
        case reset(head: UInt64)
        case tick
    }

    package enum Effect {
        /// Next in order: hand to every reader that stands just before it.
        case deliver(Event)
        /// Ask the source for everything after `seq`.
        case subscribe(after: UInt64)
        /// The feed has leapt to `head`; readers before it must read the log.
        case leapt(head: UInt64)
    }

    /// What a reader that stands at a cursor gets from the ring.
    package enum Page {
        /// It has everything.
        case current
        case events([Event])
        /// The ring has moved on: read the log up to this seq at least.
        case older(through: UInt64)
    }

    /// The seq of the next event that is taken.
    package private(set) var next: UInt64
    private var ring: Deque<Event> = []
    private let ringMax: Int
    /// The highest seq that is known to exist.
    private var knownHead: UInt64
    /// Ticks since the last event while some are known to be missing, and how many must pass before asking again.
    private var ticksMissing = 0
    private var patience = Self.patienceMin
    private var isMending = false

    package static var patienceMin: Int { 2 }
    package static var patienceMax: Int { 32 }

    /// A feed that begins after `seq`; whoever makes it subscribes there.
    package init(after seq: UInt64, ringMax: Int = 256) {
        precondition(ringMax > 0, "a ring of \(ringMax)")
        self.next = seq &+ 1
        self.knownHead = seq
        self.ringMax = ringMax
    }

    package var head: UInt64 { self.next - 1 }

    /// Events are known of that have not come.
    package var isMissing: Bool { self.knownHead >= self.next }

    package mutating func step(_ input: Input, into effects: inout [Effect]) {
        switch input {
        case .event(let seq, let event): self.take(seq, event, into: &effects)
        case .head(let seq): self.knownHead = max(self.knownHead, seq)
        case .reset(let head): self.leap(to: head, into: &effects)
        case .tick: self.tick(into: &effects)
        }
    }

    private mutating func take(_ seq: UInt64, _ event: Event, into effects: inout [Effect]) {
        guard seq >= self.next else { return }
        self.knownHead = max(self.knownHead, seq)
        guard seq == self.next else {
            guard !self.isMending else { return }
            self.isMending = true
            effects.append(.subscribe(after: self.head))
            return
        }
        if self.ring.count == self.ringMax { self.ring.removeFirst() }
        self.ring.append(event)
        self.next += 1
        self.ticksMissing = 0
        if self.next > self.knownHead {
            self.isMending = false
            self.patience = Self.patienceMin
        }
        effects.append(.deliver(event))
    }

    private mutating func leap(to head: UInt64, into effects: inout [Effect]) {
        guard head >= self.next else { return }
        self.ring.removeAll()
        self.next = head + 1
        self.knownHead = max(self.knownHead, head)
        self.isMending = false
        self.ticksMissing = 0
        effects.append(.leapt(head: head))
        effects.append(.subscribe(after: head))
    }

    private mutating func tick(into effects: inout [Effect]) {
        guard self.isMissing else { return }
        self.ticksMissing += 1
        guard self.ticksMissing >= self.patience else { return }
        self.ticksMissing = 0
        self.patience = min(self.patience * 2, Self.patienceMax)
        self.isMending = true
        effects.append(.subscribe(after: self.head))
    }

    /// What a reader at `cursor` misses, oldest first, at most `limit` events.
    package func page(after cursor: UInt64, limit: Int) -> Page {
        guard cursor < self.head else { return .current }
        let oldest = self.next - UInt64(self.ring.count)
        guard cursor + 1 >= oldest else { return .older(through: oldest - 1) }
        let start = Int(cursor + 1 - oldest)
        return .events(Array(self.ring[start..<min(start + limit, self.ring.count)]))
    }
}
extension ChannelFeed: Sendable where Event: Sendable {}
extension ChannelFeed.Input: Sendable where Event: Sendable {}
extension ChannelFeed.Effect: Sendable where Event: Sendable {}
extension ChannelFeed.Effect: Equatable where Event: Equatable {}
extension ChannelFeed.Page: Equatable where Event: Equatable {}
