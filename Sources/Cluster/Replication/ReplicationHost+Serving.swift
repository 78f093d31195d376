// What the router asks of the host. All of it on the host's loop.

import ChatMachine
import ChatModel
import ClusterModel
import Raft

extension ReplicationHost {
    package func holdsReplica(of shard: ShardID) -> Bool { self.serving(shard) != nil }

    /// The replica that may answer for its shard; nil also for one that its group has left out, and for one whose
    /// state is on its way.
    private func serving(_ shard: ShardID) -> ShardReplica? {
        guard let replica = self.replicas[Int(shard.rawValue)], !replica.isDetached, replica.isCurrent else {
            return nil
        }
        // After a start nobody speaks to a replica that its group has left out: it must not wait for a leader, and its
        // node must not ask it for one.
        guard replica.leaderNode != nil || replica.raft.configuration.member(on: self.node)?.id == replica.raft.id
        else { return nil }
        return replica
    }

    /// The leader as this node's replica knows it; nil when there is no replica here or no leader is heard.
    package func leader(of shard: ShardID) -> NodeID? { self.serving(shard)?.leaderNode }

    package func isLeader(of shard: ShardID) -> Bool { self.serving(shard)?.isLeader ?? false }

    package func propose(
        _ shard: ShardID, _ logged: LoggedCommand, _ complete: @escaping (ProposeOutcome) -> Void
    ) {
        self.propose(shard, .command(logged), complete)
    }

    package func propose(
        _ shard: ShardID, _ proposed: consuming ProposedCommand, _ complete: @escaping (ProposeOutcome) -> Void
    ) {
        guard let replica = self.serving(shard) else { return complete(.notLeader(nil)) }
        replica.propose(proposed, complete)
    }

    /// The word of this node's replica for a read that somebody has asked for by now, to go with it to the leader; nil
    /// where it has none to give.
    package func readVoucher(for shard: ShardID) -> ReadVoucher? { self.serving(shard)?.raft.readVoucher }

    /// - Parameters:
    ///   - search: which part of it, where the query is a search.
    ///   - voucher: of the node that has passed the read on.
    ///   - complete: runs once.
    package func read(
        _ shard: ShardID, _ query: Query, search: SearchErrand? = nil, voucher: ReadVoucher? = nil,
        _ complete: ReadCompletion
    ) {
        guard let replica = self.serving(shard) else { return complete(.notLeader(nil)) }
        guard !self.settings.faults.contains(.readsWithoutQuorum) else {
            return replica.readLocally(query, search: search, complete)
        }
        replica.read(query, search: search, voucher: voucher, complete)
    }

    /// From whatever the local replica has applied.
    package func readLocally(
        _ shard: ShardID, _ query: Query, search: SearchErrand? = nil, _ complete: ReadCompletion
    ) {
        guard let replica = self.serving(shard) else { return complete(.notLeader(nil)) }
        replica.readLocally(query, search: search, complete)
    }

    /// - Returns: false when there is no replica here to listen to.
    package func subscribe(_ node: NodeID, to channel: ChannelID, in shard: ShardID, after seq: UInt64) -> Bool {
        guard let replica = self.serving(shard) else { return false }
        replica.subscribe(node, to: channel, after: seq)
        return true
    }

    package func unsubscribe(_ node: NodeID, from channel: ChannelID, in shard: ShardID) {
        self.serving(shard)?.unsubscribe(node, from: channel)
    }

    package func watch(_ node: NodeID, _ user: UserID, in shard: ShardID) -> Bool {
        guard let replica = self.serving(shard) else { return false }
        replica.feeds.users[user, default: []].insert(node)
        return true
    }

    package func unwatch(_ node: NodeID, _ user: UserID, in shard: ShardID) {
        self.serving(shard)?.feeds.unwatch(user, node)
    }

    /// Forgets what a node had asked to hear: it is gone, or starts over.
    package func forgetListener(_ node: NodeID) {
        for case let replica? in self.replicas { replica.feeds.removeAll(of: node) }
    }

    /// The directory as this node's own replica has applied it; nil before the first message about it.
    package var directoryMachine: ShardMachine? { self.replicas[0]?.machine }

    /// Effects that this shard, led here, still owes to others.
    package func outbox(of shard: ShardID) -> [OutboxEntry] {
        guard let replica = self.serving(shard), replica.isLeader else { return [] }
        return replica.machine.outbox
    }

    /// When something is due in a shard that is led here, and the log's time; nil when nothing waits.
    package func nextTimer(of shard: ShardID) -> (due: Timestamp, clock: Timestamp)? {
        guard let replica = self.serving(shard), replica.isLeader else { return nil }
        return replica.machine.nextTimer.map { ($0, replica.machine.clock) }
    }

    /// How a person wants to be seen, by the log of its shard as far as this node's replica has applied it.
    package func presenceChoice(of user: UserID, in shard: ShardID) -> PresenceChoice? {
        self.serving(shard)?.machine.presenceChoice(of: user)
    }

    /// `target` has applied the effects that `shard`, led here, owed it, up to and with `through`.
    package func effectsApplied(of shard: ShardID, by target: ShardID, through: OutboxPosition) {
        self.replicas[Int(shard.rawValue)]?.effectsApplied(by: target, through: through)
    }

    /// Shards with a replica here that know no leader.
    package var shardsWithoutLeader: Int {
        self.replicas.lazy.compactMap { $0 }.count {
            !$0.isDetached && $0.leaderNode == nil && !$0.raft.configuration.members.isEmpty
        }
    }

    package var replicaCount: Int { self.replicas.lazy.compactMap { $0 }.count }
    package var leaderCount: Int { self.replicas.lazy.compactMap { $0 }.count { $0.isLeader } }

    /// How this node sees the groups that it leads, or all that it has a replica of.
    package func groups(ledOnly: Bool) -> [GroupStatus] {
        self.replicas.compactMap { $0 }.filter { !ledOnly || $0.isLeader }.map { replica in
            let configuration = replica.raft.configuration
            return GroupStatus(
                shard: replica.shard, leader: replica.leaderNode, term: replica.raft.term,
                replicas: configuration.members.map { member in
                    GroupStatus.Member(
                        node: member.node, isVoter: configuration.isVoter(member.id),
                        lag: !replica.isLeader
                            ? nil
                            : member.node == self.node ? 0 : replica.raft.progress(of: member.id).map { UInt64($0.lag) }
                    )
                })
        }
    }

    /// Hands every leadership away to the most caught-up voter. Returns how many were led.
    package func transferLeaderships() -> Int {
        var count = 0
        for case let replica? in self.replicas where replica.isLeader {
            let others = replica.raft.configuration.voters.filter { $0.node != self.node }
            let best = others.max { left, right in
                (replica.raft.progress(of: left.id)?.match ?? .zero)
                    < (replica.raft.progress(of: right.id)?.match ?? .zero)
            }
            guard let best else { continue }
            replica.step(.transferLeadership(to: best.id))
            count += 1
        }
        self.scheduleFlush()
        return count
    }
}

/// One group as one node sees it; travels between nodes for `GET /v1/cluster`.
package struct GroupStatus: Sendable, Hashable {
    package struct Member: Sendable, Hashable {
        package let node: NodeID
        package let isVoter: Bool
        package let lag: UInt64?
    }
    package let shard: ShardID
    package let leader: NodeID?
    package let term: Term
    package let replicas: [Member]
}

extension GroupStatus: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.shard)
        writer.write(self.leader)
        writer.write(self.term)
        writer.write(self.replicas)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            shard: try reader.read(), leader: try reader.readOptional(), term: try reader.read(),
            replicas: try reader.readArray(bytesEach: 18))
    }
}

extension GroupStatus.Member: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.node)
        writer.write(self.isVoter)
        writer.write(self.lag != nil)
        if let lag = self.lag { writer.writeVariable(lag) }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            node: try reader.read(), isVoter: try reader.read(Bool.self),
            lag: try reader.read(Bool.self) ? try reader.readVariable() : nil)
    }
}
