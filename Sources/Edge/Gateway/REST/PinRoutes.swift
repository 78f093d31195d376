import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Messages that a channel keeps in sight.

extension RestService {
    var pinRoutes: [RestRoute] {
        [
            RestRoute(.put, "/v1/messages/:id/pin", .bearer, doc: .pinMessage) { call in
                let actor = try call.actor
                let view = try await self.messageChanges.setPinned(true, try call.pathMessageID(), by: actor)
                return .json { $0.message(view, showsClientID: view.author == actor.user) }
            },
            RestRoute(.delete, "/v1/messages/:id/pin", .bearer, doc: .unpinMessage) { call in
                _ = try await self.messageChanges.setPinned(false, try call.pathMessageID(), by: try call.actor)
                return .noContent
            },
            RestRoute(.get, "/v1/channels/:id/pins", .bearer, doc: .listPins) { try await self.listPins($0) },
        ]
    }

    /// Newest pin first; a page's cursor is its last message.
    private func listPins(_ call: RestCall) async throws -> RestAnswer {
        let channel: ChannelID = try call.pathID()
        let actor = try call.actor
        let page = ListPage(name: "pins \(channel)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let limit = Int(try call.limit())
        let after = try page.position(call.query["cursor"]) { MessageID($0) }
        guard case .views(let views, _) = try await self.answer(.pins(channel, viewer: actor), call.consistency) else {
            throw Problem(.internal)
        }
        let start = after.flatMap { after in views.firstIndex { $0.id == after }.map { $0 + 1 } } ?? 0
        let items = Array(views[start...].prefix(limit))
        let next = start + items.count < views.count ? items.last?.id.description : nil
        return await .json(texts: items.textBytes) { writer in
            page.write(items, next: next, to: &writer) { $0.message($1, showsClientID: $1.author == actor.user) }
        }
    }
}
