import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Who is in a channel. The channel's shard decides; the user's shard keeps the sidebar's copy, and the answer waits
// until it has that, so that the next request sees it on every node.

extension RestService {
    var memberRoutes: [RestRoute] {
        [
            RestRoute(.post, "/v1/channels/:id/join", .bearer, doc: .joinChannel) { call in
                let channel: ChannelID = try call.pathID()
                let actor = try call.actor
                _ = try await self.perform(.joinChannel(channel, by: actor))
                return .noContent
            },
            RestRoute(.post, "/v1/channels/:id/leave", .bearer, doc: .leaveChannel) { call in
                try await self.leave(try call.pathID(), call)
            },
            RestRoute(.get, "/v1/channels/:id/members", .bearer, doc: .listMembers) { try await self.listMembers($0) },
            RestRoute(.put, "/v1/channels/:id/members/:user_id", .bearer, doc: .addMember) {
                try await self.addMember($0)
            },
            RestRoute(.delete, "/v1/channels/:id/members/:user_id", .bearer, doc: .removeMember) { call in
                let channel: ChannelID = try call.pathID()
                let user: UserID = try call.pathID("user_id")
                guard user != (try call.actor.user) else { return try await self.leave(channel, call) }
                _ = try await self.perform(.removeMember(channel, user, by: try call.actor))
                return .noContent
            },
        ]
    }

    /// A private channel that was left is not there any more. A command may be sent to the log twice, when a leader
    /// dies, and a request may come twice: who was in it, or began this before, has left and is told so.
    private func leave(_ channel: ChannelID, _ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        do {
            _ = try await self.channel(channel, viewer: actor)
        } catch let problem as Problem where problem.code == .notFound && call.isRepetition {
            return .noContent
        }
        do {
            _ = try await self.perform(.leaveChannel(channel, by: actor))
        } catch let problem as Problem where problem.code == .notFound {
            // It was there a moment ago.
        }
        return .noContent
    }

    private func addMember(_ call: RestCall) async throws -> RestAnswer {
        let channel: ChannelID = try call.pathID()
        let user: UserID = try call.pathID("user_id")
        let actor = try call.actor
        let request = try MemberRequest(try await RestBody.optionalObject(call.request))
        // The channel's shard does not know who exists. Whoever may not see the channel is told of that first.
        _ = try await self.answer(.channel(channel, viewer: actor))
        guard try await self.user(user).deactivatedAt == nil else { throw Problem(.userDeactivated) }
        _ = try await self.perform(.addMember(channel, user, by: actor))
        if let role = request.role {
            _ = try await self.perform(.setChannelRole(channel, user, role, by: actor, nil))
        }
        let query = Query.member(channel, user, viewer: actor)
        guard case .members(let members) = try await self.answer(query), let member = members.first else {
            throw Problem(.notFound)
        }
        return .json { $0.member(member) }
    }

    private func listMembers(_ call: RestCall) async throws -> RestAnswer {
        let channel: ChannelID = try call.pathID()
        let actor = try call.actor
        let page = ListPage(
            name: "members \(channel)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let limit = try call.limit()
        let after = try page.position(call.query["cursor"]) { UserID($0) }
        let query = Query.members(channel, viewer: actor, after: after, limit: limit)
        guard case .members(let members) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        let last = members.count == Int(limit) ? members.last?.user.description : nil
        return .json { writer in
            page.write(members, next: last, to: &writer) { $0.member($1) }
        }
    }
}
