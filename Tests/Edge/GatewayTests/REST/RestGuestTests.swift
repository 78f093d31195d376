import ChatModel
import ClientProtocol
import HTTPTypes
import Testing

@testable import Gateway

/// Guests know of people with whom they share a channel, and of nobody else.
@Suite struct RestGuestTests {
    private typealias Person = (access: String, refresh: String, id: String)

    private struct Scene {
        let node: RestNode
        let ada: Person
        let bob: Person
        let guest: Person
    }

    private func scene() async throws -> Scene {
        let node = RestNode()
        let scene = Scene(
            node: node, ada: try await node.register("ada"), bob: try await node.register("bob"),
            guest: try await node.register("gus"))
        let role = try await node.send(
            .put, "/v1/admin/users/\(scene.guest.id)/role", #"{"role":"guest"}"#, token: scene.ada.access)
        try #require(role.status == 200)
        return scene
    }

    private func status(_ path: String, _ scene: Scene) async throws -> Int {
        try await scene.node.send(.get, path, token: scene.guest.access).status
    }
    private func names(_ path: String, _ scene: Scene) async throws -> [String] {
        let reply = try await scene.node.send(.get, path, token: scene.guest.access)
        #expect(reply.status == 200, "\(reply.text)")
        return reply.json["items"]?.asArray?.compactMap { $0.asObject?["username"]?.asString } ?? []
    }

    @Test func `a stranger is as little there as nobody`() async throws {
        let scene = try await self.scene()
        let stranger = try await scene.node.send(.get, "/v1/users/\(scene.bob.id)", token: scene.guest.access)
        let nobody = try await scene.node.send(
            .get, "/v1/users/usr_00000000000000000000000000", token: scene.guest.access)
        #expect(stranger.status == 404 && nobody.status == 404)
        #expect(stranger.json["detail"] == nobody.json["detail"] && stranger.code == nobody.code)
        #expect(try await self.status("/v1/users/me", scene) == 200)
        #expect(try await self.status("/v1/users/\(scene.guest.id)", scene) == 200)
        for path in ["/v1/users", "/v1/users?query=bo", "/v1/search/users?q=bob"] {
            #expect(try await self.names(path, scene).filter { $0 != "gus" } == [], "\(path)")
        }
        // A member sees everybody.
        let member = try await scene.node.send(.get, "/v1/users/\(scene.guest.id)", token: scene.bob.access)
        #expect(member.status == 200)
    }

    @Test func `who shares a channel is seen, and no longer when it is left`() async throws {
        let scene = try await self.scene()
        let room = try await scene.node.createChannel("room", type: "private", token: scene.ada.access)
        _ = try await scene.node.createChannel("open", token: scene.bob.access)
        let member = "/v1/channels/\(room)/members/\(scene.guest.id)"
        #expect(try await scene.node.send(.put, member, token: scene.ada.access).status == 200)
        #expect(try await self.status("/v1/users/\(scene.ada.id)", scene) == 200)
        #expect(try await self.status("/v1/users/\(scene.bob.id)", scene) == 404)
        #expect(try await self.names("/v1/users", scene) == ["ada", "gus"])
        #expect(try await self.names("/v1/search/users?q=b", scene) == [])
        #expect(try await scene.node.send(.delete, member, token: scene.ada.access).status == 204)
        #expect(try await self.status("/v1/users/\(scene.ada.id)", scene) == 404)
        #expect(try await self.names("/v1/users", scene) == ["gus"])
    }

    @Test func `a guest's pages are full, and their cursors name nobody else`() async throws {
        let scene = try await self.scene()
        let room = try await scene.node.createChannel("room", token: scene.ada.access)
        var seen = ["ada", "gus"]
        for number in 0..<6 {
            let person = try await scene.node.register("person\(number)")
            guard number % 2 == 0 else { continue }
            seen.append("person\(number)")
            let path = "/v1/channels/\(room)/members/\(person.id)"
            #expect(try await scene.node.send(.put, path, token: scene.ada.access).status == 200)
        }
        let path = "/v1/channels/\(room)/members/\(scene.guest.id)"
        #expect(try await scene.node.send(.put, path, token: scene.ada.access).status == 200)
        var listed: [String] = []
        var cursor: String?
        var pages = 0
        repeat {
            let query = cursor.map { "&cursor=\($0)" } ?? ""
            let reply = try await scene.node.send(.get, "/v1/users?limit=2\(query)", token: scene.guest.access)
            listed += reply.json["items"]?.asArray?.compactMap { $0.asObject?["username"]?.asString } ?? []
            cursor = reply.json["next_cursor"]?.asString
            pages += 1
        } while cursor != nil && pages < 10
        #expect(listed == seen.sorted() && pages == 3)
    }
}
