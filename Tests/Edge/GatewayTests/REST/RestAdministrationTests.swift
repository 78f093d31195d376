import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Testing

@testable import Gateway

@Suite struct RestAdministrationTests {
    private func role(_ role: String, _ user: String, _ node: RestNode, _ token: String) async throws -> RestReply {
        try await node.send(.put, "/v1/admin/users/\(user)/role", #"{"role":"\#(role)"}"#, token: token)
    }

    @Test func `a role counts at the next request, whatever the token says`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        #expect(try await node.send(.get, "/v1/admin/settings", token: bob.access).status == 403)
        let promoted = try await self.role("admin", bob.id, node, ada.access)
        #expect(promoted.status == 200 && promoted.json["role"] == .string("admin"))
        #expect(try await node.send(.get, "/v1/admin/settings", token: bob.access).status == 200)
        #expect(try await self.role("guest", bob.id, node, ada.access).status == 200)
        #expect(try await node.send(.get, "/v1/admin/settings", token: bob.access).status == 403)
        let body = #"{"name":"room","type":"public"}"#
        #expect(try await node.send(.post, "/v1/channels", body, token: bob.access).status == 403)
    }

    @Test func `moderators see flags and nothing of the administrators'`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        #expect(try await node.send(.get, "/v1/admin/flags", token: bob.access).status == 403)
        #expect(try await self.role("moderator", bob.id, node, ada.access).status == 200)
        #expect(try await node.send(.get, "/v1/admin/flags", token: bob.access).status == 200)
        for path in ["/v1/admin/settings", "/v1/admin/audit", "/v1/admin/invites", "/v1/cluster"] {
            #expect(try await node.send(.get, path, token: bob.access).status == 403, "\(path)")
        }
    }

    @Test func `who is deactivated is let in nowhere until it is reactivated`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        let path = "/v1/admin/users/\(bob.id)"
        #expect(
            try await node.send(.post, path + "/deactivate", #"{"policy":"keep"}"#, token: ada.access).status == 204)
        #expect(try await node.send(.get, "/v1/users/me", token: bob.access).status == 401)
        let login = #"{"username":"bob","password":"correct horse"}"#
        #expect(try await node.send(.post, "/auth/login", login).code == "user_deactivated")
        #expect(try await node.send(.post, path + "/deactivate", token: ada.access).status == 204)
        #expect(try await node.send(.post, path + "/reactivate", token: ada.access).status == 204)
        #expect(try await node.send(.post, "/auth/login", login).status == 200)
        let last = try await node.send(.post, "/v1/admin/users/\(ada.id)/deactivate", token: ada.access)
        #expect(last.status == 409 && last.code == "conflict")
    }

    @Test func `an invite lets its number of people in`() async throws {
        let node = RestNode(registration: .invite)
        let ada = try await node.register("ada")
        let made = try await node.send(.post, "/v1/admin/invites", #"{"role":"guest"}"#, token: ada.access)
        #expect(made.status == 201)
        let invite = try #require(made.json["invite"]?.asString)
        #expect(made.json["url"] == .string("http://localhost/#/join/\(invite)"))
        func register(_ name: String) async throws -> RestReply {
            try await node.send(
                .post, "/auth/register", #"{"username":"\#(name)","password":"correct horse","invite":"\#(invite)"}"#)
        }
        #expect(try await register("ada").code == "name_taken")
        let bob = try await register("bob")
        #expect(bob.status == 201 && bob.json["user"]?.asObject?["role"] == .string("guest"))
        #expect(try await register("eve").code == "invite_invalid")
        #expect(try await node.send(.get, "/v1/admin/invites", token: ada.access).items.isEmpty)
    }

    @Test func `people are found by prefix and the mail address is for oneself`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("adam")
        let found = try await node.send(.get, "/v1/users?query=AD", token: bob.access)
        #expect(found.items.compactMap { $0["username"]?.asString } == ["ada", "adam"])
        #expect(found.items.map { $0["email"] != nil } == [false, true])
        let page = try await node.send(.get, "/v1/users?query=ad&limit=1", token: ada.access)
        let cursor = try #require(page.json["next_cursor"]?.asString)
        let rest = try await node.send(.get, "/v1/users?query=ad&limit=1&cursor=\(cursor)", token: ada.access)
        #expect(rest.items.compactMap { $0["username"]?.asString } == ["adam"])
        let others = try await node.send(.get, "/v1/users?query=a&limit=1&cursor=\(cursor)", token: ada.access)
        #expect(others.status == 422)
    }

    @Test(arguments: [
        #"{"registration":"yes"}"#, #"{"retention_days":0}"#, #"{"retention_days":"30"}"#, #"{"name":""}"#,
        #"{"public_url":"javascript:alert(1)"}"#, #"{"public_url":"https://a.example/?q"}"#,
        #"{"allowed_origins":["https://a.example/path"]}"#, #"{"allowed_origins":"x"}"#,
        #"{"edit_window_seconds":-1}"#,
    ])
    func `a setting that is none is a 422`(body: String) async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let reply = try await node.send(.put, "/v1/admin/settings", body, token: ada.access)
        #expect(reply.status == 422 && reply.code == "invalid", "\(reply.text)")
    }

    @Test func `settings change by field and stand in the audit log`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let body = #"{"retention_days":30,"public_url":"https://chat.example/"}"#
        let changed = try await node.send(.put, "/v1/admin/settings", body, token: ada.access)
        #expect(changed.status == 200 && changed.json["retention_days"] == .integer(30))
        #expect(changed.json["registration"] == .string("open"))
        let cleared = try await node.send(.put, "/v1/admin/settings", #"{"retention_days":null}"#, token: ada.access)
        #expect(cleared.json["retention_days"] == .null)
        #expect(cleared.json["public_url"] == .string("https://chat.example/"))
        let audit = try await node.send(.get, "/v1/admin/audit?action=workspace.", token: ada.access)
        #expect(audit.items.count == 2)
        #expect(audit.items.first?["previous_hash"] == audit.items.last?["hash"])
        #expect(audit.items.allSatisfy { $0["actor_id"] == .string(ada.id) })
        for path in ["?since=yesterday", "?actor_id=ada", "?cursor=x"] {
            #expect(try await node.send(.get, "/v1/admin/audit" + path, token: ada.access).status == 422, "\(path)")
        }
    }

    @Test func `what is done to nodes stands in the audit log`() async throws {
        let world = try await KeyedPostTests.World()
        let path = "/v1/cluster/nodes/"
        func ask(_ what: String, of node: NodeID) async throws -> Int {
            try await world.here.send(.post, path + "\(node)/\(what)", token: world.ada.access).status
        }
        func entries() async throws -> [JSONObject] {
            let reply = try await world.there.send(.get, "/v1/admin/audit?action=node.", token: world.ada.access)
            #expect(reply.status == 200)
            return reply.items.reversed()
        }
        #expect(try await ask("drain", of: world.nodes[0]) == 204)
        // It is so already.
        #expect(try await ask("drain", of: world.nodes[0]) == 204)
        #expect(try await ask("drain", of: world.nodes[1]) == 409)
        #expect(try await ask("drain", of: NodeID(high: 1, low: 1)) == 404)
        #expect(try await ask("remove", of: world.nodes[0]) == 204)
        let denied = try await world.here.send(.post, path + "\(world.nodes[0])/remove", token: world.bob.access)
        #expect(denied.status == 403)
        let log = try await entries()
        let wanted: [(String, NodeID, String?)] = [
            ("node.add", world.nodes[0], nil), ("node.add", world.nodes[1], nil),
            ("node.drain", world.nodes[0], world.ada.id), ("node.remove", world.nodes[0], world.ada.id),
        ]
        #expect(log.count == wanted.count)
        for (entry, wanted) in zip(log, wanted) {
            #expect(entry["action"] == .string(wanted.0))
            #expect(entry["target"] == .string(wanted.1.description))
            #expect(entry["actor_id"] == wanted.2.map { .string($0) } ?? .null)
            #expect(entry["details"]?.asObject?["address"]?.asString?.hasPrefix("127.0.0.1:") == true)
        }
    }
}
