import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// What a person was told of.

extension RestService {
    var notificationRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/notifications", .bearer, doc: .listNotifications) {
                try await self.listNotifications($0)
            },
            RestRoute(.put, "/v1/notifications/read", .bearer, doc: .readNotifications) { call in
                let request = try ReadNotificationsRequest(try await call.object())
                let command = Command.readNotifications(
                    try call.actor.user, request.numbers, through: request.through)
                guard case .notificationsRead(let unread) = try await self.performRepeatedly(command) else {
                    throw Problem(.internal)
                }
                return .json(.ok, JSONWriter.object { $0.field("unread", unread) })
            },
        ]
    }

    /// Newest first; `unread` counts those of every kind.
    private func listNotifications(_ call: RestCall) async throws -> RestAnswer {
        let user = try call.actor.user
        var kind: NotificationKind?
        if let name = call.query["type"] {
            kind = NotificationKind(name: name)
            if kind == nil { throw Problem([FieldError(field: "type", detail: "is no type of notification")]) }
        }
        let unreadOnly = try call.flag("unread")
        let limit = try call.limit()
        let page = ListPage(
            name: "notifications \(kind?.name ?? "") \(unreadOnly)", reader: user,
            cursors: SignedCursors(try self.secrets()))
        let before = try page.position(call.query["cursor"]) { UInt64($0) }
        let query = Query.notifications(user, kind: kind, unreadOnly: unreadOnly, before: before, limit: limit)
        guard case .notifications(let views, let unread) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        let next = views.count == Int(limit) ? views.last.map { "\($0.record.number)" } : nil
        return .json { writer in
            writer.beginObject()
            writer.key("items")
            writer.beginArray()
            for view in views { writer.notification(view) }
            writer.endArray()
            writer.field(
                "next_cursor", next.map { page.cursors.cursor(at: $0, list: page.name, reader: page.reader) })
            writer.field("unread", unread)
            writer.endObject()
        }
    }
}
