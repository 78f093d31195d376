// What is there or not, and is put and taken away by one client in turn: reactions, pins, and members.

extension LivelyCheck {
    /// Whose reaction to what, or whose membership: nobody else puts it or takes it away.
    private enum Toggle: Hashable {
        case reaction(message: UInt64, emoji: String, UInt32)
        case pin(message: UInt64, UInt32)
        case member(UInt32)
    }
    private struct Course {
        var operations: [LivelyOperation] = []
        /// By rising seq, and what each did.
        var events: [(seq: UInt64, puts: Bool)] = []
    }

    /// An answer "done" says that the thing was there (or not) at some time between question and answer, by an event of
    /// this operation or because it was so already. Each attempt without an answer may have one effect, at any time
    /// from its beginning on.
    mutating func checkToggles(_ log: [LivelyEvent]) {
        var courses: [Toggle: Course] = [:]
        var order: [Toggle] = []
        func course(_ toggle: Toggle, _ change: (inout Course) -> Void) {
            if courses[toggle] == nil { order.append(toggle) }
            change(&courses[toggle, default: Course()])
        }
        for operation in self.channel.operations {
            let client = operation.key.client
            switch operation.action {
            case .react(let message, let emoji), .unreact(let message, let emoji):
                course(.reaction(message: message, emoji: emoji, client)) { $0.operations.append(operation) }
            case .add(let client), .remove(let client):
                course(.member(client)) { $0.operations.append(operation) }
            case .pin(let message), .unpin(let message):
                course(.pin(message: message, client)) { $0.operations.append(operation) }
            case .post, .reply, .edit, .delete, .follow, .unfollow, .readThread, .read: break
            }
        }
        for event in log {
            switch event.body {
            case .reacted(let message, let emoji, let adds):
                course(.reaction(message: message, emoji: emoji, event.client)) { $0.events.append((event.seq, adds)) }
            case .pinned(let message, let puts):
                course(.pin(message: message, event.client)) { $0.events.append((event.seq, puts)) }
            case .member(let client, let joins): course(.member(client)) { $0.events.append((event.seq, joins)) }
            case .created, .edited, .deleted, .other: break
            }
        }
        for toggle in order {
            guard let course = courses[toggle] else { continue }
            self.judge(course, what: Self.describe(toggle))
        }
    }

    private static func describe(_ toggle: Toggle) -> String {
        switch toggle {
        case .reaction(let message, let emoji, let client): "\(emoji) of client \(client) at message \(message)"
        case .pin(let message, let client): "client \(client)'s pin of message \(message)"
        case .member(let client): "the membership of client \(client)"
        }
    }

    private mutating func judge(_ course: Course, what: String) {
        let full = Self.furthest(course.events, course.operations, isBound: true)
        guard !full.isExplained else { return }
        // Where the events are explained once answers bind nobody, an answer was broken; else an event has no cause.
        let loose = Self.furthest(course.events, course.operations, isBound: false)
        if loose.isExplained, let broken = full.brokenAt {
            self.found.append(.lost(broken.key, broken.action))
        } else {
            let event = course.events[min(loose.reached, course.events.count - 1)]
            self.found.append(.phantom(seq: event.seq, "\(event.puts ? "adding" : "removing") \(what)"))
        }
    }

    /// How far events are explained by the operations: sets of positions, with what is left of attempts without an
    /// answer.
    private struct Position: Hashable {
        var event: Int
        /// Attempts without an answer that may yet put, or take away.
        var puts: Int
        var takes: Int
    }

    private static func furthest(
        _ events: [(seq: UInt64, puts: Bool)], _ operations: [LivelyOperation], isBound: Bool
    ) -> (isExplained: Bool, reached: Int, brokenAt: LivelyOperation?) {
        var positions: Set<Position> = [Position(event: 0, puts: 0, takes: 0)]
        var broken: LivelyOperation?
        for operation in operations {
            let puts: Bool
            switch operation.action {
            case .react, .pin, .add: puts = true
            default: puts = false
            }
            let open = operation.unknownAttempts + (operation.isDone && !isBound ? 1 : 0)
            positions = Set(
                positions.map { position in
                    var position = position
                    if puts { position.puts += open } else { position.takes += open }
                    return position
                })
            positions = Self.closure(positions, events)
            guard operation.isDone, isBound else { continue }
            let next = Set(
                positions.compactMap { position -> Position? in
                    let isThere = position.event > 0 && events[position.event - 1].puts
                    if isThere == puts { return position }
                    guard position.event < events.count, events[position.event].puts == puts else { return nil }
                    var position = position
                    position.event += 1
                    return position
                })
            if next.isEmpty {
                broken = broken ?? operation
                return (false, positions.map(\.event).max() ?? 0, broken)
            }
            positions = next
        }
        positions = Self.closure(positions, events)
        let reached = positions.map(\.event).max() ?? 0
        // Every answer held, and events are left over or not.
        return (reached == events.count, reached, operations.last { $0.isDone })
    }

    /// Also what is reached by attempts without an answer.
    private static func closure(
        _ positions: Set<Position>, _ events: [(seq: UInt64, puts: Bool)]
    ) -> Set<Position> {
        var all = positions
        var open = Array(positions)
        while var position = open.popLast() {
            guard position.event < events.count else { continue }
            if events[position.event].puts {
                guard position.puts > 0 else { continue }
                position.puts -= 1
            } else {
                guard position.takes > 0 else { continue }
                position.takes -= 1
            }
            position.event += 1
            if all.insert(position).inserted { open.append(position) }
        }
        return all
    }
}
