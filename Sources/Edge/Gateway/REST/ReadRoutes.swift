import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes

// How far a person has read.

extension RestService {
    var readRoutes: [RestRoute] {
        [
            RestRoute(.put, "/v1/channels/:id/read", .bearer, doc: .readChannel) { call in
                let channel: ChannelID = try call.pathID()
                let request = try ReadRequest(try await call.object())
                let command = Command.readChannel(channel, seq: request.seq, by: try call.actor)
                // A marker that is where it should be is no change: to be said twice does no harm.
                guard case .read(let state) = try await self.performRepeatedly(command) else {
                    throw Problem(.internal)
                }
                return .json { $0.readState(state) }
            }
        ]
    }
}
