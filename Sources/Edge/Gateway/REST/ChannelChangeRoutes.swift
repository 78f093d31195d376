import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes

// What changes a channel: its name, its settings, its archive.

extension RestService {
    var channelChangeRoutes: [RestRoute] {
        [
            RestRoute(.patch, "/v1/channels/:id", .bearer, doc: .changeChannel) { try await self.changeChannel($0) },
            RestRoute(.post, "/v1/channels/:id/archive", .bearer, doc: .archiveChannel) { call in
                _ = try await self.performRepeatedly(
                    .archiveChannel(try call.pathID(), by: try call.actor, try self.commandKey(of: call)))
                return .noContent
            },
            RestRoute(.post, "/v1/channels/:id/unarchive", .bearer, doc: .unarchiveChannel) { call in
                _ = try await self.performRepeatedly(
                    .unarchiveChannel(try call.pathID(), by: try call.actor, try self.commandKey(of: call)))
                return .noContent
            },
        ]
    }

    /// The name first, so that one that is taken leaves the rest undone.
    private func changeChannel(_ call: RestCall) async throws -> RestAnswer {
        let channel: ChannelID = try call.pathID()
        let actor = try call.actor
        let request = try ChangeChannelRequest(try await call.object())
        if let name = request.name { try await self.rename(channel, to: name, by: actor) }
        guard request.changesMore else {
            let view = try await self.channel(channel, viewer: actor)
            return .json { $0.channel(view) }
        }
        let command = Command.updateChannel(channel, request.patch, by: actor, nil)
        guard case .channelView(let view) = try await self.perform(command) else { throw Problem(.internal) }
        return .json { $0.channel(view) }
    }

    /// How often a rename begins again that met another one.
    private static let renamesMax = 5

    /// Claims the new name and renames; the channel's shard tells the directory what came of it.
    ///
    /// A name that was reserved in vain is not given back from here, since another rename of the same channel may
    /// be using it: the directory's leader finds it, and the channel's shard decides.
    private func rename(_ channel: ChannelID, to name: String, by actor: Actor) async throws {
        let folded = FoldedName.channel(name)
        for attempt in 1...Self.renamesMax {
            let view = try await self.channel(channel, viewer: actor)
            // Apply decides this; but who may not rename must not occupy a name.
            guard view.mayBeRenamed(by: actor) else { throw Problem(.forbidden) }
            guard view.channel.archivedAt == nil else { throw Problem(.channelArchived) }
            if folded != view.extra.folded {
                let unique = UniqueName(kind: .channel, name: folded)
                _ = try await self.performRepeatedly(
                    .claimName(
                        unique, channel, listed: view.channel.type == .public, epoch: view.extra.nameEpoch))
            }
            let command = Command.renameChannel(
                channel, name: name, folded: folded, epoch: view.extra.nameEpoch, by: actor, nil)
            do {
                _ = try await self.performRepeatedly(command)
                return
            } catch let problem as Problem where problem.code == .conflict && attempt < Self.renamesMax {
                try await Task.sleep(for: .milliseconds(20 * attempt))
            }
        }
    }
}

extension ChannelView {
    fileprivate func mayBeRenamed(by actor: Actor) -> Bool {
        switch self.channel.type {
        case .direct, .group: false
        case .public, .private:
            self.member?.role == .owner || (self.channel.type == .public && actor.role >= .moderator)
                || (self.member != nil && actor.role == .admin)
        }
    }
}
