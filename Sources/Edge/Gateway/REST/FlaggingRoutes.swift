import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// Reports to the moderators.

extension RestService {
    var flaggingRoutes: [RestRoute] {
        [
            RestRoute(.post, "/v1/messages/:id/flag", .bearer, doc: .flagMessage) { call in
                let message = try call.pathMessageID()
                var fields = FieldReader(try await call.object())
                let reason = fields.reason()
                if let problem = fields.problem { throw problem }
                guard let reason else { throw Problem(.invalid) }
                let flag = try await self.messageChanges.flag(message, reason, by: try call.actor)
                return .json(.created) { writer in
                    writer.beginObject()
                    writer.field("id", flag)
                    writer.endObject()
                }
            }
        ]
    }
}
