import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What administrators set for all.

extension RestService {
    var workspaceRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/admin/settings", .admin, doc: .getWorkspaceSettings) { call in
                guard case .workspace(let settings) = try await self.answer(.workspace, call.consistency) else {
                    throw Problem(.internal)
                }
                return .json { $0.workspace(settings) }
            },
            RestRoute(.put, "/v1/admin/settings", .admin, doc: .changeWorkspaceSettings) { call in
                let request = try WorkspaceRequest(try await call.object())
                let command = Command.updateWorkspace(request.patch, by: try call.actor)
                guard case .workspace(let settings) = try await self.performRepeatedly(command) else {
                    throw Problem(.internal)
                }
                return .json { $0.workspace(settings) }
            },
        ]
    }
}
