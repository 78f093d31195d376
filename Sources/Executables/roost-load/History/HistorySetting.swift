import ChatModel
import ClientProtocol
import ClusterModel
import Foundation
import HistoryChecker
import NIOCore
import NIOHTTP1
import Placement

/// Makes the accounts and channels of a run over REST, while nothing is broken yet.
struct HistorySetting: Sendable {
    let rest: RestCalls
    let endpoints: [Endpoint]
    let run = String(UInt32.random(in: 0 ... .max), radix: 36)

    private struct Grant: Decodable {
        struct User: Decodable {
            let id: String
            let role: String
        }
        let user: User
        let access_token: String
        let refresh_token: String
    }
    private struct Made: Decodable { let id: String }

    /// Who there is, and whether the first of them may ask for the cluster's status.
    func accounts(_ count: Int) async throws -> (accounts: [HistoryAccount], isAdmin: Bool) {
        // The first account of a new cluster is its admin, so the first of ours registers before the others.
        let first = try await self.grant(0)
        let grants = try await [first] + concurrently(count - 1, atOnce: 4) { try await self.grant($0 + 1) }
        let accounts = grants.map {
            HistoryAccount(user: $0.user.id, token: $0.access_token, refreshToken: $0.refresh_token)
        }
        return (accounts, first.user.role == "admin")
    }

    private func grant(_ index: Int) async throws -> Grant {
        try await self.rest.demand(
            .POST, "/auth/register", at: self.endpoints, first: index, token: nil,
            body: ["username": "history-\(self.run)-\(index)", "password": "only for judging \(self.run)"],
            as: Grant.self)
    }

    func renewed(_ account: HistoryAccount, first: Int) async throws -> HistoryAccount {
        let grant = try await self.rest.demand(
            .POST, "/auth/refresh", at: self.endpoints, first: first, token: nil,
            body: ["refresh_token": account.refreshToken], as: Grant.self)
        return HistoryAccount(user: account.user, token: grant.access_token, refreshToken: grant.refresh_token)
    }

    /// - Parameters:
    ///   - count: Channels in all.
    ///   - privateCount: How many of them are private and have a guest.
    ///   - width: Members of each.
    /// - Returns: The channels, and the changes of membership that made them, by channel.
    func channels(
        _ count: Int, privateCount: Int, width: Int, accounts: [HistoryAccount], shards: Int
    ) async throws -> (channels: [HistoryChannel], changes: [(channel: Int, change: MembershipChange)]) {
        let made = try await concurrently(count, atOnce: 8) { index in
            try await self.channel(
                index, isPrivate: index < privateCount, width: width, accounts: accounts, shards: shards)
        }
        return (
            made.map(\.channel), made.enumerated().flatMap { index, entry in entry.changes.map { (index, $0) } }
        )
    }

    private func channel(
        _ index: Int, isPrivate: Bool, width: Int, accounts: [HistoryAccount], shards: Int
    ) async throws -> (channel: HistoryChannel, changes: [MembershipChange]) {
        // Neighbours in the list of clients are at different nodes.
        let members = (0..<min(width, accounts.count)).map { (index + $0) % accounts.count }
        let owner = accounts[members[0]]
        let name = "history-\(self.run)-\(index)"
        var changes: [MembershipChange] = []
        let begin = MonotonicClock.now()
        let made = try await self.rest.demand(
            .POST, "/v1/channels", at: self.endpoints, first: index, token: owner.token,
            body: ["name": name, "type": isPrivate ? "private" : "public"], as: Made.self)
        changes.append(Self.addition(of: members[0], since: begin))
        for member in members.dropFirst() {
            let begin = MonotonicClock.now()
            try await self.rest.demand(
                .PUT, "/v1/channels/\(made.id)/members/\(accounts[member].user)", at: self.endpoints,
                first: index + member, token: owner.token, body: ["role": "member"])
            changes.append(Self.addition(of: member, since: begin))
        }
        guard let id = ChannelID(made.id) else {
            throw RestCalls.Failure(description: "'\(made.id)' is no channel's id")
        }
        let shard = ShardMap(shardCount: shards).shard(ofKey: id.high, id.low)
        return (
            HistoryChannel(
                id: made.id, name: name, shard: Int(shard.rawValue), isPrivate: isPrivate, members: members),
            changes
        )
    }

    private static func addition(of member: Int, since begin: Microseconds) -> MembershipChange {
        MembershipChange(
            subject: UInt32(member), adds: true, begin: begin, end: MonotonicClock.now(), outcome: .done)
    }
}

/// What `GET /v1/cluster` says of leaders, for an admin.
struct ClusterWatch: Sendable {
    private struct Status: Decodable {
        struct Shard: Decodable {
            let id: Int
            let leader: String?
            let term: UInt64
        }
        let shards: [Shard]
    }

    let rest: RestCalls
    let token: String

    /// Who leads which group in which term, as one node believes; nil without an answer.
    func leaders(at endpoint: Endpoint) async -> [NodeEvent]? {
        guard
            let answer = try? await self.rest.ask(
                .GET, "/v1/cluster", at: endpoint, token: self.token, limit: .seconds(2)),
            answer.isOK, let status = try? JSONDecoder().decode(Status.self, from: Data(answer.body.readableBytesView))
        else { return nil }
        return status.shards.compactMap { shard in
            shard.leader.map { .leader(group: shard.id, incarnation: 0, term: shard.term, node: $0) }
        }
    }

    /// How many shards hold keys: all but the directory.
    func shardCount(at endpoints: [Endpoint]) async -> Int? {
        for endpoint in endpoints {
            guard
                let answer = try? await self.rest.ask(
                    .GET, "/v1/cluster", at: endpoint, token: self.token, limit: .seconds(5)),
                answer.isOK,
                let status = try? JSONDecoder().decode(Status.self, from: Data(answer.body.readableBytesView))
            else { continue }
            let count = status.shards.count { $0.id > 0 }
            if count > 0 { return count }
        }
        return nil
    }
}
