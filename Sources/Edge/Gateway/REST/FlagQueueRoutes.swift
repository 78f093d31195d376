import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// What was reported to the moderators.

extension RestService {
    var flagQueueRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/admin/flags", .moderator, doc: .listFlags) { try await self.listFlags($0) },
            RestRoute(.post, "/v1/admin/flags/:id/resolve", .moderator, doc: .resolveFlag) {
                try await self.resolveFlag($0)
            },
        ]
    }

    private func listFlags(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let limit = try call.limit()
        let state = call.query["state"] ?? "open"
        guard state == "open" || state == "resolved" else {
            throw Problem([FieldError(field: "state", detail: "must be open or resolved")])
        }
        let page = ListPage(name: "flags \(state)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let after = try page.position(call.query["cursor"]) { FlagID($0) }
        let query = Query.flags(isOpen: state == "open", after: after, limit: limit, by: actor)
        guard case .flags(let flags) = try await self.answer(query, call.consistency) else { throw Problem(.internal) }
        let next = flags.count == Int(limit) ? flags.last?.id.description : nil
        return .json { writer in page.write(flags, next: next, to: &writer) { $0.flag($1) } }
    }

    /// `deleted` deletes first: when this is cut off in between the flag stays open, and resolving again ends it.
    private func resolveFlag(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let id: FlagID = try call.pathID()
        let request = try ResolveRequest(try await call.object())
        guard let flag = try await self.flag(id, isOpen: true, actor) else {
            // The first resolution stays, and a repeated request is told of no other.
            guard try await self.flag(id, isOpen: false, actor) != nil else { throw Problem(.notFound) }
            return .noContent
        }
        if request.action == .deleted {
            _ = try await self.performRepeatedly(.deleteMessage(flag.message, asModerator: true, by: actor, nil))
        }
        do {
            _ = try await self.performRepeatedly(.resolveFlag(id, request.action, note: request.note, by: actor))
        } catch let problem as Problem where problem.code == .notFound {
            // Somebody else was first.
        }
        return .noContent
    }

    private func flag(_ id: FlagID, isOpen: Bool, _ actor: Actor) async throws -> FlagRecord? {
        let query = Query.flags(isOpen: isOpen, after: id.predecessor, limit: 1, by: actor)
        guard case .flags(let flags) = try await self.answer(query) else { throw Problem(.internal) }
        return flags.first { $0.id == id }
    }
}

extension FlagID {
    /// The id just before this one, nil before the first: a page after it begins with this one.
    fileprivate var predecessor: FlagID? {
        if self.low > 0 { return FlagID(high: self.high, low: self.low - 1) }
        return self.high > 0 ? FlagID(high: self.high - 1, low: .max) : nil
    }
}
