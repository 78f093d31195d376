import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Testing

@testable import Replication
@testable import Routing

@Suite(.serialized) struct RouterTests {
    private let alice = Actor(
        user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let bob = Actor(user: UserID(high: 2, low: 2), role: .member, session: SessionID(high: 2, low: 2))

    private func founded(_ settings: ReplicationSettings = ReplicationSettings()) async throws -> InProcessCluster {
        let cluster = try InProcessCluster(settings)
        let first = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        #expect(try await first.router.perform(.registerNode(cluster.record(1))) == .done)
        #expect(try await first.router.perform(.activateNode(InProcessCluster.id(1))) == .done)
        return cluster
    }

    private func grown(
        to count: Int = 3, _ settings: ReplicationSettings = ReplicationSettings()
    ) async throws -> InProcessCluster {
        let cluster = try await self.founded(settings)
        let first = cluster.member(InProcessCluster.id(1))!
        for number in 2...count {
            try await cluster.start(number)
            #expect(try await first.router.perform(.registerNode(cluster.record(number))) == .done)
            #expect(try await first.router.perform(.activateNode(InProcessCluster.id(number))) == .done)
        }
        #expect(
            await cluster.eventually(30) {
                await first.router.clusterStatus().shards.allSatisfy { shard in
                    Set(shard.replicas.filter(\.isVoter).map(\.node)) == Set(shard.ideal) && shard.leader != nil
                }
            })
        return cluster
    }

    @Test func `one founded node takes a message and reads it back`() async throws {
        let cluster = try await self.founded()
        let router = cluster.member(InProcessCluster.id(1))!.router
        let channel = ChannelID(high: 9, low: 9)
        _ = try await router.perform(
            .createChannel(channel, name: "general", type: .public, topic: "", by: self.alice, nil))
        let result = try await router.perform(
            .postMessage(
                channel, MessageContent(text: "is this thing on?", clientID: nil, thread: nil), by: self.alice, nil))
        guard case .message(let event) = result else { Issue.record("\(result)"); return }
        #expect(event.seq == 2)
        let answer = try await router.answer(
            .history(channel, viewer: self.alice, .newest, limit: 10), consistency: .linearizable)
        let view = MessageView(
            id: MessageID(channel: channel, seq: 2), author: self.alice.user, createdAt: event.at,
            content: MessageContent(text: "is this thing on?", clientID: nil, thread: nil))
        #expect(answer == .views([view], head: 2))
        try await cluster.finish()
    }

    @Test func `a group grows from one voter to three by itself and any node serves it`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 3, low: 4)
        let second = cluster.member(InProcessCluster.id(2))!.router
        let third = cluster.member(InProcessCluster.id(3))!
        _ = try await second.perform(
            .createChannel(channel, name: "kitchen", type: .public, topic: "", by: self.alice, nil))
        third.router.subscribe(channel, after: 0)
        for number in 1...50 {
            let result = try await second.perform(
                .postMessage(
                    channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, nil))
            guard case .message = result else { Issue.record("\(result)"); return }
        }
        #expect(await cluster.eventually { third.sink.events.count >= 51 })
        #expect(third.sink.events.map(\.seq) == Array(1...51))
        try await cluster.finish()
    }

    @Test func `a read that another node passes on needs no round of heartbeats`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 3, low: 4)
        let members = (1...3).compactMap { cluster.member(InProcessCluster.id($0)) }
        _ = try await members[0].router.perform(
            .createChannel(channel, name: "kitchen", type: .public, topic: "", by: self.alice, nil))
        let shard = members[0].router.shard(of: channel)
        let query = Query.history(channel, viewer: self.alice, .newest, limit: 10)
        #expect(await cluster.eventually { members.filter { $0.host.loopIsLeader(of: shard) }.count == 1 })
        let leader = try #require(members.first { $0.host.loopIsLeader(of: shard) })
        let others = members.filter { $0.router.nodeID != leader.router.nodeID }
        let before = leader.host.loopReadsVouched()
        for number in 1...20 {
            let result = try await others[number % 2].router.perform(
                .postMessage(
                    channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, nil))
            guard case .message(let event) = result else { Issue.record("\(result)"); return }
            let answer = try await others[1 - number % 2].router.answer(query, consistency: .linearizable)
            guard case .views(let views, let head) = answer else { Issue.record("\(answer)"); return }
            #expect(head == event.seq && views.contains { $0.content.text == "\(number)" })
        }
        // All of them, but for what an election in between had to prove anew.
        #expect(leader.host.loopReadsVouched() >= before + 15)
        try await cluster.finish()
    }

    @Test func `a refusal is not believed while an earlier attempt may still be on its way`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 7, low: 8)
        let shard = cluster.shardMap.shard(of: .channel(channel))
        let first = cluster.member(InProcessCluster.id(1))!.router
        _ = try await first.perform(
            .createChannel(channel, name: "cellar", type: .private, topic: "", by: self.alice, nil))
        let status = await first.clusterStatus()
        let leader = try #require(status.shards.first(where: { $0.id == shard })?.leader)
        let asked = cluster.member(InProcessCluster.id(leader == InProcessCluster.id(1) ? 2 : 1))!.router
        let message = Command.postMessage(
            channel, MessageContent(text: "let me in", clientID: nil, thread: nil), by: self.bob,
            IdempotencyKey(user: self.bob.user, key: "k", fingerprint: 1))

        // One attempt that is answered is the truth.
        let refusal = try await asked.perform(message)
        #expect(refusal == .refused(.notFound))

        // The first attempt is lost on its way, and the second is refused: the first may yet arrive.
        cluster.holdCommands()
        do {
            let result = try await asked.perform(message)
            Issue.record("\(result)")
        } catch ServiceError.outcomeUnknown {}
        _ = try await first.perform(.addMember(channel, self.bob.user, by: self.alice))
        #expect(cluster.releaseCommands() == 1)
        #expect(
            await cluster.eventually {
                let answer = try? await first.answer(
                    .history(channel, viewer: self.alice, .newest, limit: 10), consistency: .linearizable)
                guard case .views(let views, _) = answer else { return false }
                return views.contains { $0.author == self.bob.user }
            })
        try await cluster.finish()
    }

    @Test func `a command that every replica left declines was not applied, and a node without one says so`()
        async throws
    {
        let cluster = try await self.grown(to: 4)
        let status = await cluster.member(InProcessCluster.id(1))!.router.clusterStatus()
        let channel = ChannelID(high: 11, low: 12)
        let group = try #require(status.shards.first { $0.id == cluster.shardMap.shard(of: .channel(channel)) })
        let outsider = try #require(cluster.connected.first { !group.ideal.contains($0) })
        for node in group.ideal.prefix(2) { await cluster.stop(Int(node.low)) }
        let asked = cluster.member(outsider)!
        // Who led has found out that it has no majority.
        #expect(await cluster.eventually { await cluster.standings(of: group.id).allSatisfy { $0?.isLeader != true } })
        let began = ContinuousClock.now
        do {
            let result = try await asked.router.perform(
                .createChannel(channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
            Issue.record("\(result)")
        } catch ServiceError.unavailable {}
        #expect(ContinuousClock.now - began < .seconds(4))
        try await cluster.finish()
    }

    @Test func `messages go on after the leader's node is gone, and none is lost or doubled`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 5, low: 6)
        let second = cluster.member(InProcessCluster.id(2))!.router
        _ = try await second.perform(
            .createChannel(channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
        async let sending: [UInt64] = {
            var seqs: [UInt64] = []
            for number in 1...300 {
                let key = IdempotencyKey(user: self.alice.user, key: "k\(number)", fingerprint: UInt64(number))
                while true {
                    let result = try? await second.perform(
                        .postMessage(
                            channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, key)
                    )
                    if case .message(let event) = result {
                        seqs.append(event.seq)
                        break
                    }
                }
            }
            return seqs
        }()
        // In the middle of it.
        let isUnderWay = await cluster.eventually {
            let answer = try? await second.answer(.channel(channel, viewer: self.alice), consistency: .local)
            guard case .channelViews(let views)? = answer else { return false }
            return (views.first?.channel.seq ?? 0) >= 20
        }
        #expect(isUnderWay)
        await cluster.stop(1)
        #expect(await sending == Array(2...301))
        try await cluster.start(1)
        let first = cluster.member(InProcessCluster.id(1))!.router
        let answer = try await first.answer(
            .history(channel, viewer: self.alice, .newest, limit: 200), consistency: .linearizable)
        guard case .views(let views, let head) = answer else { Issue.record("\(answer)"); return }
        #expect(head == 301)
        #expect(views.map(\.id.seq) == Array(102...301))
        try await cluster.finish()
    }

    @Test func `a node started again with its disk has everything that was acknowledged`() async throws {
        let cluster = try await self.founded()
        let channel = ChannelID(high: 1, low: 99)
        var router = cluster.member(InProcessCluster.id(1))!.router
        _ = try await router.perform(
            .createChannel(channel, name: "cellar", type: .private, topic: "", by: self.alice, nil))
        for number in 1...20 {
            _ = try await router.perform(
                .postMessage(
                    channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, nil))
        }
        await cluster.stop(1)
        router = try await cluster.start(1).router
        let answer = try await router.answer(
            .history(channel, viewer: self.alice, .newest, limit: 50), consistency: .linearizable)
        guard case .views(let views, let head) = answer else { Issue.record("\(answer)"); return }
        #expect(head == 21)
        #expect(views.count == 20)
        let hidden = try await router.answer(
            .history(channel, viewer: self.bob, .newest, limit: 50), consistency: .linearizable)
        #expect(hidden == .refused(.notFound))
        try await cluster.finish()
    }

    @Test func `a membership reaches the user's shard through the outbox`() async throws {
        let cluster = try await self.founded()
        let member = cluster.member(InProcessCluster.id(1))!
        let record = UserRecord(
            id: self.alice.user, username: "alice", displayName: "Alice", email: nil, role: .member, passwordHash: "",
            createdAt: .zero)
        #expect(try await member.router.perform(.createUser(record)) == .user(record))
        member.router.watch(self.alice.user)
        let home = cluster.shardMap.shard(of: .user(self.alice.user))
        // In another shard than the user, or there would be nothing to send.
        let channel = try #require(
            (1...100).lazy.map { ChannelID(high: 21, low: $0) }.first {
                cluster.shardMap.shard(of: .channel($0)) != home
            })
        _ = try await member.router.perform(
            .createChannel(channel, name: "porch", type: .public, topic: "", by: self.alice, nil))
        #expect(
            await cluster.eventually {
                let answer = try? await member.router.answer(.memberships(self.alice.user), consistency: .linearizable)
                return answer == .memberships([channel])
            })
        #expect(await cluster.eventually { member.sink.notices == [.channelJoined(channel, seq: 1)] })
        try await cluster.finish()
    }
}

extension RouterTests {
    private func newcomer(_ number: UInt64) -> Actor {
        Actor(user: UserID(high: 50, low: number), role: .member, session: SessionID(high: 50, low: number))
    }

    /// In other shards than their people, or there would be nothing to wait for.
    private func channel(awayFrom user: UserID, in cluster: InProcessCluster) throws -> ChannelID {
        try #require(
            (1...100).lazy.map { ChannelID(high: 22, low: $0) }.first {
                cluster.shardMap.shard(of: .channel($0)) != cluster.shardMap.shard(of: .user(user))
            })
    }

    @Test func `whoever has joined finds the channel at once in the own sidebar, on every node`() async throws {
        // However busy the machine is: what is tested is that the answer waits, not how long.
        var settings = ReplicationSettings()
        settings.effectsAwaitedMillisecondsMax = 20_000
        let cluster = try await self.grown(settings)
        let routers = (1...3).map { cluster.member(InProcessCluster.id($0))!.router }
        for number in 1...12 as ClosedRange<UInt64> {
            let actor = self.newcomer(number)
            let record = UserRecord(
                id: actor.user, username: "u\(number)", displayName: "", email: nil, role: .member, passwordHash: "",
                createdAt: .zero)
            #expect(try await routers[0].perform(.createUser(record)) == .user(record))
            let channel = try self.channel(awayFrom: actor.user, in: cluster)
            let router = routers[Int(number % 3)]
            let result = try await router.perform(
                .createChannel(channel, name: "room", type: .public, topic: "", by: actor, nil))
            // The first has made it; the others find it there.
            if result == .refused(.alreadyExists) { _ = try await router.perform(.joinChannel(channel, by: actor)) }
            for other in routers {
                let answer = try await other.answer(.memberships(actor.user), consistency: .linearizable)
                #expect(answer == .memberships([channel]), "newcomer \(number)")
            }
        }
        try await cluster.finish()
    }

    @Test func `an answer comes within its time when nobody carries the effects`() async throws {
        let cluster = try await self.founded()
        let member = cluster.member(InProcessCluster.id(1))!
        let channel = try self.channel(awayFrom: self.alice.user, in: cluster)
        let shard = cluster.shardMap.shard(of: .channel(channel))
        let begin = ContinuousClock.now
        let outcome: String = try await member.host.loop.flatSubmit {
            member.host.observer = nil
            let promise = member.host.loop.makePromise(of: String.self)
            let command = Command.createChannel(channel, name: "ivory", type: .public, topic: "", by: self.alice, nil)
            member.host.propose(shard, LoggedCommand(at: .wallClock, command: command)) { promise.succeed("\($0)") }
            return promise.futureResult
        }.get()
        let waited = ContinuousClock.now - begin
        #expect(outcome.hasPrefix("applied"))
        #expect(waited >= .milliseconds(250))
        #expect(waited < .seconds(5))
        try await cluster.finish()
    }

    @Test func `an aside reaches the nodes that hear the channel, and no others`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 23, low: 1)
        let members = (1...3).map { cluster.member(InProcessCluster.id($0))! }
        _ = try await members[0].router.perform(
            .createChannel(channel, name: "aside", type: .public, topic: "", by: self.alice, nil))
        for member in members[0...1] { member.router.subscribe(channel, after: 0) }
        #expect(await cluster.eventually { members[0...1].allSatisfy { $0.sink.events.count == 1 } })
        let state = ReadState(channel: channel, readSeq: 1, unread: 0, mentions: 0)
        let shard = cluster.shardMap.shard(of: .channel(channel))
        // From each node's own replica, as the one that applies it does.
        for member in members {
            try await member.host.loop.submit {
                member.host.feedAside(.readUpdated(state), to: self.alice.user, in: channel, of: shard)
            }.get()
        }
        let notice = UserNotice.readUpdated(state)
        #expect(await cluster.eventually { members[0...1].allSatisfy { $0.sink.notices.contains(notice) } })
        #expect(!members[2].sink.notices.contains(notice))
        try await cluster.finish()
    }
}

extension ReplicationHost {
    /// As apply does with an aside.
    fileprivate func feedAside(_ notice: UserNotice, to user: UserID, in channel: ChannelID, of shard: ShardID) {
        self.replicas[Int(shard.rawValue)]?.feed(notice, to: user, in: channel)
    }

    /// From a test's thread.
    func loopIsLeader(of shard: ShardID) -> Bool {
        (try? self.loop.submit { self.isLeader(of: shard) }.wait()) ?? false
    }
    func loopReadsVouched() -> UInt64 { (try? self.loop.submit { self.statistics.readsVouched }.wait()) ?? 0 }
    func loopLeaderCount() -> Int { (try? self.loop.submit { self.leaderCount }.wait()) ?? 0 }
}
