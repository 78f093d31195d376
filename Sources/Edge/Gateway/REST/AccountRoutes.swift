import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Finding people, and what administrators decide about them. The directory is the authority on role and deactivation;
// a person's own shard has the rest.

extension RestService {
    var accountRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/users", .bearer, doc: .findUsers) { try await self.findUsers($0, parameter: "query") },
            RestRoute(.get, "/v1/search/users", .bearer, doc: .searchUsers) {
                try await self.findUsers($0, parameter: "q")
            },
            RestRoute(.put, "/v1/admin/users/:id/role", .admin, doc: .setRole) { call in
                let request = try RoleRequest(try await call.object())
                return try await self.setStanding(call, role: request.role) { account in
                    let (user, profile) = try await self.person(of: account)
                    return .json { $0.user(user, profile, view: .full) }
                }
            },
            RestRoute(.post, "/v1/admin/users/:id/deactivate", .admin, doc: .deactivateUser) { call in
                let request = try DeactivateRequest(try await RestBody.optionalObject(call.request))
                return try await self.setStanding(call, isDeactivated: true, policy: request.policy) { _ in .noContent }
            },
            RestRoute(.post, "/v1/admin/users/:id/reactivate", .admin, doc: .reactivateUser) { call in
                try await self.setStanding(call, isDeactivated: false) { _ in .noContent }
            },
        ]
    }

    // MARK: Standing

    private func setStanding(
        _ call: RestCall, role: Role? = nil, isDeactivated: Bool? = nil, policy: ContentPolicy? = nil,
        _ answer: (AccountRecord) async throws -> RestAnswer
    ) async throws -> RestAnswer {
        let command = Command.setStanding(
            try call.pathID(), role: role, isDeactivated: isDeactivated, policy: policy, by: try call.actor)
        do {
            guard case .account(let account) = try await self.performRepeatedly(command) else {
                throw Problem(.internal)
            }
            return try await answer(account)
        } catch let problem as Problem where problem.code == .conflict {
            throw Problem(.conflict, detail: "It is the last active administrator.")
        }
    }

    /// The account as it is in the directory, for rights that must not be a moment old.
    func account(_ user: UserID) async throws -> AccountRecord {
        guard case .accounts(let accounts) = try await self.answer(.account(user)), let account = accounts.first else {
            throw Problem(.internal)
        }
        return account
    }

    /// A person with the standing that the directory gives it.
    private func person(
        of account: AccountRecord, _ consistency: Consistency = .linearizable
    ) async throws -> (user: UserRecord, profile: ProfileExtra) {
        guard case .profile(var user, let profile) = try await self.answer(.profile(account.id), consistency) else {
            throw Problem(.internal)
        }
        user.role = account.role
        user.deactivatedAt = account.deactivatedAt
        return (user, profile)
    }

    // MARK: Finding

    /// People in the order of their user names, by the beginning of the user name or of a word of the display name.
    private func findUsers(_ call: RestCall, parameter: String) async throws -> RestAnswer {
        let actor = try call.actor
        let prefix = call.query[parameter] ?? ""
        guard prefix.utf8.count <= FormLimits.displayNameBytesMax else {
            throw Problem([FieldError(field: parameter, detail: "must have at most 512 bytes")])
        }
        let showsDeactivated = try call.flag("deactivated")
        guard !showsDeactivated || actor.role == .admin else { throw Problem(.forbidden) }
        let limit = try call.limit()
        let page = ListPage(
            name: "users \(showsDeactivated) \(prefix)", reader: actor.user,
            cursors: SignedCursors(try self.secrets()))
        let after = try page.position(call.query["cursor"]) { $0 } ?? ""
        let query = Query.accounts(
            prefix: prefix, after: after, limit: limit, includesDeactivated: showsDeactivated)
        guard case .accounts(let found) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        let visible = actor.role == .guest ? try await self.shared(found, with: actor) : found
        let people = try await self.people(of: visible, call.consistency)
        let next = found.count == Int(limit) ? found.last?.username : nil
        return .json { writer in
            page.write(people, next: next, to: &writer) {
                $0.user($1.user, $1.profile, view: UserView(of: $1.user.id, by: actor))
            }
        }
    }

    /// Those of `accounts` with whom a guest is in a channel, and the guest: it knows of nobody else.
    private func shared(_ accounts: [AccountRecord], with guest: Actor) async throws -> [AccountRecord] {
        guard case .memberships(let channels) = try await self.answer(.memberships(guest.user)) else {
            throw Problem(.internal)
        }
        var known: Set<UserID> = [guest.user]
        for group in Dictionary(grouping: channels, by: { self.chat.shard(of: $0) }).values {
            let query = Query.sharing(group, accounts.map(\.id), viewer: guest)
            guard case .users(let users) = try await self.answer(query) else { throw Problem(.internal) }
            known.formUnion(users)
        }
        return accounts.filter { known.contains($0.id) }
    }

    /// The people of a page, in its order; each is of a shard of its own.
    private func people(
        of accounts: [AccountRecord], _ consistency: Consistency
    ) async throws -> [(user: UserRecord, profile: ProfileExtra)] {
        var found: [UserID: (user: UserRecord, profile: ProfileExtra)] = [:]
        try await withThrowingTaskGroup(of: (user: UserRecord, profile: ProfileExtra).self) { tasks in
            for account in accounts {
                tasks.addTask { try await self.person(of: account, consistency) }
            }
            for try await person in tasks { found[person.user.id] = person }
        }
        return accounts.compactMap { found[$0.id] }
    }
}
