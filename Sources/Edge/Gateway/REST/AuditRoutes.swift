import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// What people with power did, the newest first.

extension RestService {
    var auditRoutes: [RestRoute] {
        [RestRoute(.get, "/v1/admin/audit", .admin, doc: .listAudit) { try await self.listAudit($0) }]
    }

    private func listAudit(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let limit = try call.limit()
        let filter = try self.auditFilter(call)
        // A cursor is of one list: the same questions, in the same words.
        let names = ["actor_id", "action", "target", "since", "until"]
        let question = names.map { call.query[$0] ?? "" }.joined(separator: "\n")
        let page = ListPage(
            name: "audit \(question)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let before = try page.position(call.query["cursor"]) { UInt64($0) }
        let query = Query.audit(filter, before: before, limit: limit, by: actor)
        guard case .audit(let entries, let next) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        return .json { writer in
            page.write(entries, next: next.map { "\($0)" }, to: &writer) { $0.audit($1) }
        }
    }

    private func auditFilter(_ call: RestCall) throws(Problem) -> AuditFilter {
        var errors: [FieldError] = []
        func text(_ name: String, _ bytesMax: Int) -> String? {
            guard let text = call.query[name] else { return nil }
            if text.utf8.count > bytesMax {
                errors.append(FieldError(field: name, detail: "must have at most \(bytesMax) bytes"))
            }
            return text
        }
        func time(_ name: String) -> Timestamp? {
            guard let text = call.query[name] else { return nil }
            guard let time = CalendarTime(text) else {
                errors.append(FieldError(field: name, detail: "must be a time as in RFC 3339"))
                return nil
            }
            return time.timestamp
        }
        var actor: UserID?
        if let text = call.query["actor_id"] {
            actor = UserID(text)
            if actor == nil { errors.append(FieldError(field: "actor_id", detail: "must be the id of a user")) }
        }
        let filter = AuditFilter(
            actor: actor, action: text("action", FormLimits.nameBytesMax),
            target: text("target", FormLimits.auditTargetBytesMax), since: time("since"), until: time("until"))
        guard errors.isEmpty else { throw Problem(errors) }
        return filter
    }
}
