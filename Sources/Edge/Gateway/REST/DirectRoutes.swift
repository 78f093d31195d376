import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes

// Channels of a few people, and of them only.

extension RestService {
    var directRoutes: [RestRoute] {
        [RestRoute(.post, "/v1/dms", .bearer, doc: .openDirect) { try await self.openDirect($0) }]
    }

    /// The id follows from who is in it, so whoever opens it, on whatever node, meets the same channel.
    private func openDirect(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        guard actor.role > .guest else { throw Problem(.forbidden) }
        let request = try OpenDirectRequest(try await call.object())
        let people = Set(request.users + [actor.user]).sorted()
        guard people.count <= FormLimits.directPeopleMax else {
            throw Problem([
                FieldError(field: "user_ids", detail: "must name at most \(FormLimits.directPeopleMax - 1) others")
            ])
        }
        // The channel's shard does not know who exists.
        for person in people where person != actor.user {
            guard try await self.user(person).deactivatedAt == nil else { throw Problem(.userDeactivated) }
        }
        let command = Command.openDirect(.direct(of: people), people, by: actor)
        guard case .opened(let channel, let isNew) = try await self.performRepeatedly(command) else {
            throw Problem(.internal)
        }
        let isMadeHere = isNew || (call.isRepetition && self.isRecent(channel, by: actor))
        return .json(isMadeHere ? .created : .ok) { $0.channel(channel) }
    }

    /// What a request made of which nobody heard: it is repeated within minutes.
    private func isRecent(_ channel: ChannelRecord, by actor: Actor) -> Bool {
        channel.createdBy == actor.user && channel.createdAt > self.now().advanced(byMilliseconds: -600_000)
    }
}
