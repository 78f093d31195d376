import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Invites to sign up. An invite's id is its secret: only administrators see it.

extension RestService {
    var inviteRoutes: [RestRoute] {
        [
            RestRoute(.post, "/v1/admin/invites", .admin, doc: .createInvite) { try await self.createInvite($0) },
            RestRoute(.get, "/v1/admin/invites", .admin, doc: .listInvites) { try await self.listInvites($0) },
            RestRoute(.delete, "/v1/admin/invites/:id", .admin, doc: .revokeInvite) { call in
                _ = try await self.performRepeatedly(.revokeInvite(try call.pathID(), by: try call.actor))
                return .noContent
            },
        ]
    }

    private func createInvite(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let request = try InviteRequest(try await RestBody.optionalObject(call.request))
        let now = self.now()
        let invite = InviteRecord(
            id: try self.newID(for: call), role: request.role, usesMax: request.usesMax, uses: 0,
            expiresAt: now.advanced(byMilliseconds: request.expiresInSeconds * 1_000), createdBy: actor.user,
            createdAt: now)
        guard case .invite(let created) = try await self.performRepeatedly(.createInvite(invite, by: actor)) else {
            throw Problem(.internal)
        }
        let url = self.invitationURL(of: created.id, call)
        return .json(.created) { $0.invite(created, url: url) }
    }

    /// The newest first.
    private func listInvites(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let limit = Int(try call.limit())
        let page = ListPage(name: "invites", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let after: InvitePlace? = try page.position(call.query["cursor"]) { InvitePlace($0) }
        guard case .invites(let all) = try await self.answer(.invites(by: actor), call.consistency) else {
            throw Problem(.internal)
        }
        let rest = all.drop { invite in after.map { !InvitePlace(invite).isBehind($0) } ?? false }
        let items = Array(rest.prefix(limit))
        let next = rest.count > limit ? items.last.map { InvitePlace($0).description } : nil
        return .json { writer in
            page.write(items, next: next, to: &writer) { $0.invite($1, url: self.invitationURL(of: $1.id, call)) }
        }
    }

    /// Under the address that the settings name, or the one that this request came to.
    private func invitationURL(of invite: InviteID, _ call: RestCall) -> String {
        let head = call.request.head
        let base = self.chat.directory.workspace.publicURL ?? "\(head.scheme ?? "http")://\(head.authority ?? "")"
        return "\(base.hasSuffix("/") ? String(base.dropLast()) : base)/#/join/\(invite)"
    }
}

/// Where an invite stands in the list, whether or not it is there any more.
private struct InvitePlace: CustomStringConvertible {
    let createdAt: Int64
    let id: InviteID

    init(_ invite: InviteRecord) {
        self.createdAt = invite.createdAt.milliseconds
        self.id = invite.id
    }

    init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let createdAt = Int64(parts[0]), let id = InviteID(parts[1]) else { return nil }
        self.createdAt = createdAt
        self.id = id
    }

    var description: String { "\(self.createdAt) \(self.id)" }

    func isBehind(_ other: InvitePlace) -> Bool { (self.createdAt, self.id) < (other.createdAt, other.id) }
}
