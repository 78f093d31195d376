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
        let prefix = NameText.composed(call.query[parameter] ?? "")
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
        let (found, next) = try await self.accounts(
            prefix: prefix, after: after, limit: limit, includesDeactivated: showsDeactivated, viewer: actor,
            call.consistency)
        let people = try await self.people(of: found, call.consistency)
        return .json { writer in
            page.write(people, next: next, to: &writer) {
                $0.user($1.user, $1.profile, view: UserView(of: $1.user.id, by: actor))
            }
        }
    }

    /// What a guest's list looks through: so many accounts, so often.
    private static let guestPageMax: UInt32 = 1_000
    private static let guestPagesMax = 10

    /// The accounts of a page, and where the next one begins if there is one. A guest's page has people it shares a
    /// channel with only, and so has its cursor.
    private func accounts(
        prefix: String, after: String, limit: UInt32, includesDeactivated: Bool, viewer: Actor,
        _ consistency: Consistency
    ) async throws -> (page: [AccountRecord], next: String?) {
        func listed(after: String, limit: UInt32) async throws -> [AccountRecord] {
            let query = Query.accounts(
                prefix: prefix, after: after, limit: limit, includesDeactivated: includesDeactivated)
            guard case .accounts(let found) = try await self.answer(query, consistency) else {
                throw Problem(.internal)
            }
            return found
        }
        guard viewer.role == .guest else {
            let found = try await listed(after: after, limit: limit)
            return (found, found.count == Int(limit) ? found.last?.username : nil)
        }
        var shown: [AccountRecord] = []
        var last = after
        for _ in 0..<Self.guestPagesMax {
            let found = try await listed(after: last, limit: Self.guestPageMax)
            let known = try await SharedPeople(self.chat).known(of: found.map(\.id), to: viewer)
            shown += found.filter { known.contains($0.id) }
            if shown.count > Int(limit) {
                let page = Array(shown.prefix(Int(limit)))
                return (page, page.last?.username)
            }
            guard found.count == Int(Self.guestPageMax), let end = found.last else { break }
            last = end.username
        }
        return (shown, nil)
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
