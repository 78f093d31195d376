import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Channels: creating, finding, reading.

extension RestService {
    var channelRoutes: [RestRoute] {
        [
            RestRoute(.post, "/v1/channels", .bearer, keying: .byCommand, doc: .createChannel) {
                try await self.createChannel($0)
            },
            RestRoute(.get, "/v1/channels", .bearer, doc: .listChannels) { try await self.listChannels($0) },
            RestRoute(.get, "/v1/channels/:id", .bearer, doc: .getChannel) { call in
                let view = try await self.channel(try call.pathID(), viewer: try call.actor, call.consistency)
                return .json { $0.channel(view) }
            },
        ]
    }

    // MARK: Creating

    /// The saga of a new channel: claim the name, create the channel in its shard, which tells the directory.
    ///
    /// With an idempotency key the id follows from user and key, so that a repetition, on whatever node and
    /// whatever became of the first, meets the same channel and goes through the same steps to the same end.
    private func createChannel(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        // A guest must not even occupy a name; that it may create nothing, apply decides again.
        guard actor.role != .guest else { throw Problem(.forbidden) }
        let request = try CreateChannelRequest(try await call.object())
        let key = try call.idempotencyKey()
        let id = key.map { ChannelID.derived(user: actor.user, idempotencyKey: $0) } ?? self.newID()
        let name = UniqueName(kind: .channel, name: FoldedName.channel(request.name))
        // One that was made under this key has its name, and by now perhaps another one.
        let existing = key == nil ? nil : try await self.existingChannel(id, viewer: actor)
        if existing == nil {
            _ = try await self.perform(.claimName(name, id, listed: request.type == .public, epoch: 0))
        }
        let command = Command.createNamedChannel(
            NewChannel(id: id, name: request.name, folded: name.name, type: request.type, topic: request.topic),
            by: actor,
            key.map { IdempotencyKey(user: actor.user, key: $0, fingerprint: request.fingerprint) })
        let channel: ChannelRecord
        do {
            channel = try Self.channel(in: try await self.performRepeatedly(command))
        } catch let problem as Problem {
            if existing == nil { await self.settle(name, of: id, call) }
            throw problem
        }
        return .json(.created) { $0.channel(channel) }
    }

    /// nil for one that is not there, or not for this person.
    private func existingChannel(_ id: ChannelID, viewer: Actor) async throws -> ChannelView? {
        do {
            return try await self.channel(id, viewer: viewer)
        } catch let problem as Problem where problem.code == .notFound {
            return nil
        }
    }

    private static func channel(in result: CommandResult) throws(Problem) -> ChannelRecord {
        switch result {
        case .channel(let channel), .membership(let channel, _): return channel
        default: throw Problem(.internal)
        }
    }

    /// A name that was claimed in vain: the channel's shard gives it back, unless a channel of this id is called so.
    /// Where it can not be asked now, the directory's leader asks later.
    private func settle(_ name: UniqueName, of id: ChannelID, _ call: RestCall) async {
        await self.hasten(.settleChannelName(id, folded: name.name), call.context.logger)
    }

    // MARK: Finding

    /// The public directory in the order of names, by prefix; archived channels only when asked for.
    private func listChannels(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        guard actor.role != .guest else { throw Problem(.forbidden) }
        let limit = try call.limit()
        let prefix = FoldedName.channel(call.query["query"] ?? "")
        guard prefix.utf8.count <= 512 else {
            throw Problem([FieldError(field: "query", detail: "must have at most 512 bytes")])
        }
        let page = ListPage(
            name: "channels \(prefix)", reader: actor.user, cursors: SignedCursors(try self.secrets()))
        let after = try page.position(call.query["cursor"]) { $0 } ?? ""
        let query = Query.listedChannels(prefix: prefix, after: after, limit: limit)
        guard case .listedChannels(let listed) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        let showsArchived = try call.flag("archived")
        let views = try await self.channels(listed.map(\.id), viewer: actor, call.consistency)
        let last = listed.count == Int(limit) ? listed.last?.name : nil
        return .json { writer in
            page.write(views.filter { showsArchived || $0.channel.archivedAt == nil }, next: last, to: &writer) {
                $0.channel($1)
            }
        }
    }
}
