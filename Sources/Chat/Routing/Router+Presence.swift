// Who is here and who types: from the nodes of the devices to the leaders of their people's shards, and on to those who
// watch. Beside the log, best effort; the rules are in the board and the table, this is their shell.

import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Presence
import Replication
import SWIM
import Synchronization

/// What the router keeps of presence. On the loop, but for the flag.
struct Presences {
    var board: PresenceBoard
    var table: PresenceTable
    var reports: [NodeID: [PresenceReport]] = [:]
    var watched: [NodeID: [UserID]] = [:]
    var unwatched: [NodeID: [UserID]] = [:]
    var states: [NodeID: [PresenceState]] = [:]
    var renewed: [NodeID: Set<ShardID>] = [:]
    var typing: [TypingNote] = []
    /// When every shard that has a replica here was last known to have a leader: of the people of one without only the last
    /// word is known.
    var ledAt: NIODeadline?
    let isAvailable = PresenceFlag()

    init(shardMap: ShardMap, settings: PresenceSettings) {
        self.board = PresenceBoard(shardMap: shardMap, settings: settings)
        self.table = PresenceTable(shardMap: shardMap, settings: settings)
    }

    var hasMail: Bool {
        !(self.reports.isEmpty && self.watched.isEmpty && self.unwatched.isEmpty && self.states.isEmpty
            && self.renewed.isEmpty && self.typing.isEmpty)
    }
}

/// Read by any thread.
final class PresenceFlag: Sendable {
    private let flag = Mutex(true)
    var value: Bool {
        get { self.flag.withLock { $0 } }
        set { self.flag.withLock { $0 = newValue } }
    }
}

extension Router: PresenceSource {
    package var presence: any PresenceSource { self }
    package var isAvailable: Bool { self.presences.isAvailable.value }

    // MARK: Any thread

    package func devicesChanged(of user: UserID, lane: Int, _ status: PresenceStatus?) {
        self.loop.execute { self.step(.devices(user, lane: lane, status)) }
    }

    package func watchPresence(of user: UserID) { self.loop.execute { self.step(.watch(user)) } }
    package func unwatchPresence(of user: UserID) { self.loop.execute { self.step(.unwatch(user)) } }

    package func tell(_ note: TypingNote) {
        self.sink?.receive(typing: [note])
        self.loop.execute {
            guard self.links.carriesPresence, self.presences.typing.count < presenceBatchMax else { return }
            self.presences.typing.append(note)
            self.host.scheduleFlush()
        }
    }

    package func say(_ choice: PresenceChoice, by user: UserID) async -> PresenceSpoken {
        let report = try? await self.loop.submit {
            self.step(.said(user, choice))
            return self.presences.board.report(of: user, at: self.moment)
                .saying(PresenceSaid(choice: choice, at: self.settings.now()))
        }.get()
        let reply = await self.ask(about: [user], reporting: report)
        let state = reply.states.first ?? PresenceState(user: user, status: choice.status, until: choice.until)
        return PresenceSpoken(state: state, hasChoice: !reply.chosen.isEmpty)
    }

    package func states(of users: [UserID]) async -> [PresenceState] {
        var found: [UserID: PresenceState] = [:]
        for slice in stride(from: 0, to: users.count, by: presenceBatchMax) {
            let part = Array(users[slice..<min(slice + presenceBatchMax, users.count)])
            for state in await self.ask(about: part, reporting: nil).states { found[state.user] = state }
        }
        return users.map { found[$0] ?? PresenceState(user: $0, status: .offline, until: nil) }
    }

    /// Asks the leaders of these people's shards, again while one does not answer, for two seconds. Of whom nobody can
    /// say anything then the last word counts.
    private func ask(about users: [UserID], reporting report: PresenceReport?) async -> PresenceReply {
        let deadline = ContinuousClock.now + .seconds(2)
        var left = users
        var found = PresenceReply()
        while !left.isEmpty {
            let asked = left
            let part = try? await self.loop.submit { self.askHere(about: asked, reporting: report) }.get()
            guard let part else { break }
            found.add(part.here)
            left = part.here.elsewhere
            await withTaskGroup(of: (users: [UserID], reply: PresenceReply?).self) { tasks in
                for (node, users) in part.others {
                    let question = PresenceQuestion(
                        from: self.nodeID, reports: report.map { [$0] } ?? [], users: users)
                    tasks.addTask {
                        let reply = await withCheckedContinuation { continuation in
                            self.links.ask(question, at: node) { continuation.resume(returning: $0) }
                        }
                        return (users, reply)
                    }
                }
                for await (users, reply) in tasks {
                    guard let reply else {
                        left += users
                        continue
                    }
                    found.add(reply)
                    left += reply.elsewhere
                }
            }
            guard !left.isEmpty, ContinuousClock.now < deadline, !Task.isCancelled else { break }
            try? await Task.sleep(for: .milliseconds(50))
        }
        let lost = left + found.unknown
        guard !lost.isEmpty else { return found }
        let last = try? await self.loop.submit { lost.compactMap { self.presences.board.lastKnown($0) } }.get()
        found.states += last ?? []
        return found
    }

    // MARK: What other nodes say

    package func received(_ batch: PresenceReportBatch) {
        self.onLoop { self.step(.reported(batch.from, batch.reports)) }
    }

    package func received(_ batch: PresenceWatchBatch) {
        self.onLoop {
            self.step(.unwatched(batch.from, batch.unwatched))
            self.step(.watched(batch.from, batch.watched))
        }
    }

    package func received(_ batch: PresenceUpdateBatch) {
        self.onLoop {
            self.step(.heard(batch.states))
            for shard in batch.renewed where self.shardMap.contains(shard) {
                // Where there is no replica, this is how the node learns of the leader.
                if !self.host.holdsReplica(of: shard) { self.hints[shard] = batch.from }
                self.step(.renew(shard))
            }
        }
    }

    package func received(_ batch: TypingBatch) { self.sink?.receive(typing: batch.notes) }

    package func answer(_ question: PresenceQuestion) async -> PresenceReply {
        let reply = try? await self.loop.submit {
            self.step(.reported(question.from, question.reports))
            return self.presences.table.reply(about: question.users, at: self.moment, choices: self.choice)
        }.get()
        return reply ?? PresenceReply(elsewhere: question.users)
    }

    // MARK: On the loop

    private var moment: PresenceMoment {
        PresenceMoment(
            uptime: Int64(self.loop.now.uptimeNanoseconds / 1_000_000), wall: self.settings.now())
    }

    private func choice(of user: UserID) -> PresenceChoice? {
        self.host.presenceChoice(of: user, in: self.shardMap.shard(of: .user(user)))
    }

    /// What this node can say itself, and whom it has to ask about the rest.
    private func askHere(
        about users: [UserID], reporting report: PresenceReport?
    ) -> (here: PresenceReply, others: [NodeID: [UserID]]) {
        if let report { self.step(.reported(self.nodeID, [report])) }
        var here = self.presences.table.reply(about: users, at: self.moment, choices: self.choice)
        var others: [NodeID: [UserID]] = [:]
        var lost: [UserID] = []
        for user in here.elsewhere {
            let shard = self.shardMap.shard(of: .user(user))
            if self.leader(of: shard) == nil, !self.host.holdsReplica(of: shard) { self.guessHolder(of: shard) }
            if let leader = self.leader(of: shard), leader != self.nodeID, self.links.isConnected(leader) {
                others[leader, default: []].append(user)
            } else {
                lost.append(user)
            }
        }
        here.elsewhere = lost
        return (here, others)
    }

    private func step(_ input: PresenceBoard.Input) {
        guard self.links.carriesPresence else { return }
        var effects: [PresenceBoard.Effect] = []
        self.presences.board.step(input, at: self.moment, into: &effects)
        var changed: [PresenceState] = []
        for effect in effects {
            switch effect {
            case .report(let report):
                self.route(report.user, .reported(self.nodeID, [report])) { $0.reports[$1, default: []].append(report) }
            case .watch(let user):
                self.route(user, .watched(self.nodeID, [user])) { $0.watched[$1, default: []].append(user) }
            case .unwatch(let user):
                self.route(user, .unwatched(self.nodeID, [user])) { $0.unwatched[$1, default: []].append(user) }
            case .changed(let state): changed.append(state)
            }
        }
        if !changed.isEmpty { self.sink?.receive(presence: changed) }
    }

    /// To the leader of the person's shard: here, by mail, or not at all while nobody is known to lead; whoever begins to
    /// lead asks for everything.
    private func route(
        _ user: UserID, _ here: PresenceTable.Input, _ elsewhere: (inout Presences, NodeID) -> Void
    ) {
        guard let leader = self.leader(of: self.shardMap.shard(of: .user(user))) else { return }
        guard leader != self.nodeID else { return self.step(here) }
        elsewhere(&self.presences, leader)
        self.host.scheduleFlush()
    }

    private func step(_ input: PresenceTable.Input) {
        guard self.links.carriesPresence else { return }
        var effects: [PresenceTable.Effect] = []
        self.presences.table.step(input, at: self.moment, choices: self.choice, into: &effects)
        var here: [PresenceState] = []
        for case .tell(let node, let state) in effects {
            if node == self.nodeID {
                here.append(state)
            } else {
                self.presences.states[node, default: []].append(state)
            }
        }
        if !self.presences.states.isEmpty { self.host.scheduleFlush() }
        if !here.isEmpty { self.step(.heard(here)) }
    }

    func presenceLeaderChanged(_ shard: ShardID, leader: NodeID?) {
        guard self.links.carriesPresence else { return }
        guard leader == self.nodeID else {
            self.step(.ended(shard))
            if leader != nil { self.step(.renew(shard)) }
            return
        }
        guard !self.presences.table.leads(shard) else { return }
        self.step(.began(shard))
        self.step(.renew(shard))
        for node in self.connected { self.presences.renewed[node, default: []].insert(shard) }
        self.host.scheduleFlush()
    }

    /// Both may have forgotten each other: it is asked for everything, and told everything.
    func presenceConnected(to node: NodeID) {
        guard self.links.carriesPresence else { return }
        let led = self.presences.table.ledShards
        if !led.isEmpty {
            self.presences.renewed[node, default: []].formUnion(led)
            self.host.scheduleFlush()
        }
        for shard in self.shardMap.shardsAndDirectory where self.leader(of: shard) == node { self.step(.renew(shard)) }
    }

    /// On the loop: gossip has changed its mind about a node.
    package func gossipChanged(_ member: GossipMember, from previous: MemberStatus?) {
        switch member.status {
        case .dead, .left: self.step(.nodeLost(member.id))
        case .alive: if previous == .dead { self.presenceConnected(to: member.id) }
        case .suspect: break
        }
    }

    func tickPresence(isSecond: Bool) {
        guard self.links.carriesPresence else { return }
        self.step(PresenceTable.Input.tick)
        guard isSecond else { return }
        self.step(PresenceBoard.Input.tick)
        let now = self.loop.now
        if self.host.shardsWithoutLeader == 0 { self.presences.ledAt = now }
        self.presences.isAvailable.value = self.presences.ledAt.map { now - $0 < .seconds(60) } ?? true
    }

    func flushPresence() {
        guard self.presences.hasMail else { return }
        func slices<Item>(_ items: [Item]) -> [[Item]] {
            stride(from: 0, to: items.count, by: presenceBatchMax).map {
                Array(items[$0..<min($0 + presenceBatchMax, items.count)])
            }
        }
        let mail = self.presences
        self.presences.reports = [:]
        self.presences.watched = [:]
        self.presences.unwatched = [:]
        self.presences.states = [:]
        self.presences.renewed = [:]
        self.presences.typing = []
        for (node, reports) in mail.reports.sorted(by: { $0.key < $1.key }) {
            for part in slices(reports) {
                self.links.send(PresenceReportBatch(from: self.nodeID, reports: part), to: node)
            }
        }
        for (node, users) in mail.unwatched.sorted(by: { $0.key < $1.key }) {
            for part in slices(users) {
                self.links.send(PresenceWatchBatch(from: self.nodeID, watched: [], unwatched: part), to: node)
            }
        }
        for (node, users) in mail.watched.sorted(by: { $0.key < $1.key }) {
            for part in slices(users) {
                self.links.send(PresenceWatchBatch(from: self.nodeID, watched: part, unwatched: []), to: node)
            }
        }
        for (node, states) in mail.states.sorted(by: { $0.key < $1.key }) {
            for part in slices(states) {
                self.links.send(PresenceUpdateBatch(from: self.nodeID, states: part, renewed: []), to: node)
            }
        }
        for (node, shards) in mail.renewed.sorted(by: { $0.key < $1.key }) {
            self.links.send(
                PresenceUpdateBatch(from: self.nodeID, states: [], renewed: shards.sorted()), to: node)
        }
        guard !mail.typing.isEmpty else { return }
        for node in self.connected.sorted() {
            self.links.send(TypingBatch(from: self.nodeID, notes: mail.typing), to: node)
        }
    }
}

extension PresenceReply {
    fileprivate mutating func add(_ other: PresenceReply) {
        self.states += other.states
        self.chosen += other.chosen
        self.unknown += other.unknown
    }
}

extension PresenceReport {
    /// The same with what the person has just said, which its node may already have let go of.
    fileprivate func saying(_ said: PresenceSaid) -> PresenceReport {
        PresenceReport(user: self.user, status: self.status, said: self.said ?? said)
    }
}
