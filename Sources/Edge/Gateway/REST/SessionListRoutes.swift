import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Signed-in devices, as their owner sees and ends them.

extension RestService {
    var sessionListRoutes: [RestRoute] {
        [
            RestRoute(.get, "/auth/sessions", .bearer, doc: .listSessions) { try await self.listSessions($0) },
            RestRoute(.delete, "/auth/sessions", .bearer, doc: .endOtherSessions) { call in
                let actor = try call.actor
                _ = try await self.performRepeatedly(.endSessions(actor.user, keeping: actor.session))
                return .noContent
            },
            RestRoute(.delete, "/auth/sessions/:id", .bearer, doc: .endSession) { try await self.endOwnSession($0) },
        ]
    }

    /// Newest first.
    private func listSessions(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let limit = Int(try call.limit())
        let page = ListPage(name: "sessions", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let last = try page.position(call.query["cursor"]) { SessionID($0) }
        guard case .sessions(let views) = try await self.answer(.sessions(actor.user), call.consistency) else {
            throw Problem(.internal)
        }
        var sorted = views.sorted {
            ($1.session.createdAt.milliseconds, $1.session.id) < ($0.session.createdAt.milliseconds, $0.session.id)
        }
        if let last {
            // One that has ended meanwhile leaves nothing to go on from.
            guard let place = sorted.firstIndex(where: { $0.session.id == last }) else {
                return self.page([], page, actor)
            }
            sorted.removeFirst(place + 1)
        }
        return self.page(sorted.prefix(limit), page, actor, isLast: sorted.count <= limit)
    }

    private func page(
        _ views: ArraySlice<SessionView>, _ page: ListPage, _ actor: Actor, isLast: Bool = true
    ) -> RestAnswer {
        .json { writer in
            page.write(Array(views), next: isLast ? nil : views.last?.session.id.description, to: &writer) {
                $0.session($1, current: actor.session)
            }
        }
    }

    /// Its sockets close, and no node takes its tokens any more: the answer waits for the directory.
    private func endOwnSession(_ call: RestCall) async throws -> RestAnswer {
        let user = try call.actor.user
        let session: SessionID = try call.pathID()
        switch try await self.chat.answer(.session(user, session), consistency: .linearizable) {
        case .session: break
        // Somebody else's, ended or never there: the caller has no such session.
        case .refused(.sessionEnded), .refused(.notFound): throw Problem(.notFound)
        case .refused(let refusal): throw Problem(refusal)
        default: throw Problem(.internal)
        }
        _ = try await self.performRepeatedly(.endSession(user, session))
        return .noContent
    }
}
