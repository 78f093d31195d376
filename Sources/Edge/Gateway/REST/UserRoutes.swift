import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Profiles, and the caller's own sidebar.

extension RestService {
    var userRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/users/me", .bearer, doc: .getOwnUser) { call in
                try await self.profile(try call.actor.user, call)
            },
            RestRoute(.get, "/v1/users/me/channels", .bearer, doc: .listOwnChannels) { try await self.ownChannels($0) },
            RestRoute(.get, "/v1/users/:id", .bearer, doc: .getUser) { call in
                try await self.profile(try call.pathID(), call)
            },
        ]
    }

    private func profile(_ id: UserID, _ call: RestCall) async throws -> RestAnswer {
        let viewer = try call.actor
        guard try await SharedPeople(self.chat).known(of: [id], to: viewer).contains(id) else {
            throw Problem(.notFound)
        }
        let view = UserView(of: id, by: viewer)
        let (user, profile) = try await self.profile(of: id, call.consistency)
        return .json { $0.user(user, profile, view: view) }
    }

    private func ownChannels(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        let page = ListPage(name: "own channels", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let limit = Int(try call.limit())
        let after = try page.position(call.query["cursor"]) { ChannelID($0) }
        guard case .sidebar(let ids, let settings) = try await self.answer(.sidebar(actor.user), call.consistency)
        else { throw Problem(.internal) }
        let muted = Set(settings.overrides.lazy.filter(\.muted).map(\.channel))
        let rest = ids.sorted().drop { id in after.map { id <= $0 } ?? false }
        let states = try await self.channels(Array(rest.prefix(limit)), viewer: actor, call.consistency)
        let last = rest.count > limit ? rest.prefix(limit).last?.description : nil
        return .json { writer in
            page.write(states.filter { $0.member != nil }, next: last, to: &writer) {
                $0.sidebarChannel($1, isMuted: muted.contains($1.channel.id))
            }
        }
    }
}

/// One list of one reader: opens and makes its cursors, writes its pages.
struct ListPage: Sendable {
    let name: String
    let reader: UserID
    let cursors: SignedCursors

    /// Where the page begins; nil at the start.
    ///
    /// - Throws: the 422 of a cursor that is not of this list.
    func position<Position>(_ cursor: String?, _ read: (String) -> Position?) throws(Problem) -> Position? {
        guard let cursor else { return nil }
        guard let text = self.cursors.position(of: cursor, list: self.name, reader: self.reader),
            let position = read(text)
        else { throw Problem([FieldError(field: "cursor", detail: "is not a cursor of this list")]) }
        return position
    }

    /// `{"items":[…],"next_cursor":…}`
    func write<Item>(
        _ items: [Item], next: String?, to writer: inout JSONWriter, _ write: (inout JSONWriter, Item) -> Void
    ) {
        writer.beginObject()
        writer.key("items")
        writer.beginArray()
        for item in items { write(&writer, item) }
        writer.endArray()
        writer.field(
            "next_cursor", next.map { self.cursors.cursor(at: $0, list: self.name, reader: self.reader) })
        writer.endObject()
    }
}
