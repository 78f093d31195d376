import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import HummingbirdCore
import NIOCore
import Testing

@testable import Gateway

@Suite struct RestSessionTests {
    @Test func `the first account is admin and the next is member`() async throws {
        let node = RestNode()
        let ada = try await node.register("Ada")
        let bob = try await node.register("bob")
        let first = try await node.send(.get, "/v1/users/me", token: ada.access)
        #expect(first.json["role"] == .string("admin"))
        #expect(first.json["username"] == .string("ada"))
        let second = try await node.send(.get, "/v1/users/me", token: bob.access)
        #expect(second.json["role"] == .string("member"))
    }

    @Test func `a taken name is a conflict and a closed door says how it is closed`() async throws {
        let open = RestNode()
        _ = try await open.register("ada")
        let body = #"{"username":"ADA","password":"12345678"}"#
        #expect(try await open.send(.post, "/auth/register", body).code == "name_taken")

        let invite = RestNode(registration: .invite)
        _ = try await invite.register("ada")
        let bob = #"{"username":"bob","password":"12345678"}"#
        #expect(try await invite.send(.post, "/auth/register", bob).code == "invite_required")
        let invited = #"{"username":"bob","password":"12345678","invite":"inv_x"}"#
        let reply = try await invite.send(.post, "/auth/register", invited)
        #expect(reply.status == 403)
        #expect(reply.code == "invite_invalid")
    }

    @Test(arguments: [
        "channel", "Here", "ALL", "everyone", "here.", "ada-", "bob_", "system", "roost", "support", "moderator",
    ])
    func `a name that means others is nobody's, not even the first one's`(name: String) async throws {
        let node = RestNode()
        let body = #"{"username":"\#(name)","password":"12345678"}"#
        for _ in 0..<2 {
            let reply = try await node.send(.post, "/auth/register", body)
            #expect(reply.status == 422 && reply.code == "invalid", "\(reply.text)")
            #expect(reply.json["errors"]?.asArray?.first?.asObject?["field"] == .string("username"))
            if try await node.send(.post, "/auth/login", #"{"username":"ada","password":"correct horse"}"#).status
                == 401
            {
                _ = try await node.register("ada")
            }
        }
    }

    @Test(arguments: ["admin", "root", "Administrator"])
    func `a name of an administrator is for who becomes one`(name: String) async throws {
        let first = RestNode()
        _ = try await first.register(name)

        let node = RestNode()
        let ada = try await node.register("ada")
        let body = #"{"username":"\#(name)","password":"12345678"}"#
        let refused = try await node.send(.post, "/auth/register", body)
        #expect(refused.status == 422, "\(refused.text)")
        #expect(refused.json["errors"]?.asArray?.first?.asObject?["field"] == .string("username"))
        let login = #"{"username":"\#(name)","password":"12345678"}"#
        #expect(try await node.send(.post, "/auth/login", login).code == "invalid_credentials")

        // The refusal has left the name free, and given its invite back.
        for role in ["member", "admin"] {
            let made = try await node.send(
                .post, "/v1/admin/invites", #"{"role":"\#(role)","max_uses":1}"#, token: ada.access)
            let invite = try #require(made.json["invite"]?.asString, "\(made.text)")
            let invited = #"{"username":"\#(name)","password":"12345678","invite":"\#(invite)"}"#
            let reply = try await node.send(.post, "/auth/register", invited)
            #expect(reply.status == (role == "admin" ? 201 : 422), "\(reply.text)")
            guard role == "member" else { continue }
            let other = #"{"username":"bob","password":"12345678","invite":"\#(invite)"}"#
            #expect(try await node.send(.post, "/auth/register", other).status == 201)
        }
    }

    @Test func `a display name is kept in one form and holds nothing invisible`() async throws {
        let node = RestNode()
        let body = #"{"username":"ada","password":"12345678","display_name":"Ade\u0301la"}"#
        let ada = try await node.send(.post, "/auth/register", body)
        #expect(
            ada.json["user"]?.asObject?["display_name"]?.asString.map { Array($0.utf8) } == Array("Ad\u{E9}la".utf8))
        let token = try #require(ada.json["access_token"]?.asString)
        for name in [#"\u200b"#, #"Ada\u200b"#, #"\u3164"#, " ", #"A\u202eda"#, ""] {
            let reply = try await node.send(
                .patch, "/v1/users/me", #"{"display_name":"\#(name)"}"#, token: token)
            #expect(reply.status == 422, "\(name)")
            let other = #"{"username":"bob","password":"12345678","display_name":"\#(name)"}"#
            #expect(try await node.send(.post, "/auth/register", other).status == 422, "\(name)")
        }
        for query in [#"ad%C3%A9"#, #"ade%CC%81"#] {
            let found = try await node.send(.get, "/v1/users?query=\(query)", token: token)
            #expect(found.items.count == 1, "\(query)")
        }
    }

    @Test(arguments: [
        #"{"username":{"$gt":""},"password":["x"]}"#, #"{"username":"a","password":"12345678"}"#,
        #"{"username":"ada lovelace","password":"12345678"}"#, #"{"username":"ada","password":"short"}"#,
        #"{"username":17,"password":18}"#, "{}", "[]", "17",
    ])
    func `a body of the wrong shape is a 422`(body: String) async throws {
        let reply = try await RestNode().send(.post, "/auth/register", body)
        #expect(reply.status == 422)
        #expect(reply.code == "invalid")
    }

    @Test func `every wrong field is named`() async throws {
        let reply = try await RestNode().send(.post, "/auth/register", #"{"username":1,"password":"x","email":"y"}"#)
        let fields = (reply.json["errors"]?.asArray ?? []).compactMap { $0.asObject?["field"]?.asString }
        #expect(fields == ["username", "password", "email"])
    }

    @Test func `an unknown user and a wrong password can not be told apart`() async throws {
        let node = RestNode()
        _ = try await node.register("ada")
        let wrong = try await node.send(.post, "/auth/login", #"{"username":"ada","password":"wrong horse"}"#)
        let unknown = try await node.send(.post, "/auth/login", #"{"username":"eve","password":"wrong horse"}"#)
        #expect(wrong.status == 401)
        #expect(wrong.code == "invalid_credentials")
        #expect(unknown.code == wrong.code)
        #expect(unknown.json["detail"] == wrong.json["detail"])
        let right = try await node.send(.post, "/auth/login", #"{"username":"Ada","password":"correct horse"}"#)
        #expect(right.status == 200)
    }

    @Test func `a password is taken exactly as it is`() async throws {
        let node = RestNode()
        let register =
            #"{"username":"zoe","password":"p\u0000ss\u00e9 with more than seventy-two bytes, the last of which do count: a"}"#
        #expect(try await node.send(.post, "/auth/register", register).status == 201)
        for other in [
            #"{"username":"zoe","password":"p"}"#,
            register.replacing("é", with: "e\u{301}").replacing(#"\u00e9"#, with: #"e\u0301"#),
            register.replacing("count: a", with: "count: b"),
        ] {
            #expect(try await node.send(.post, "/auth/login", other).status == 401)
        }
        #expect(try await node.send(.post, "/auth/login", register).status == 200)
    }

    @Test func `from the sixth wrong password on even the right one waits for the window's end`() async throws {
        let node = RestNode(rateLimits: true)
        _ = try await node.register("ada")
        let wrong = #"{"username":"ada","password":"wrong horse"}"#
        let right = #"{"username":"ada","password":"correct horse"}"#
        for _ in 1...5 { #expect(try await node.send(.post, "/auth/login", wrong).status == 401) }
        let sixth = try await node.send(.post, "/auth/login", wrong)
        #expect(sixth.status == 429)
        #expect(sixth.headers[.retryAfter] != nil)
        #expect(try await node.send(.post, "/auth/login", right).status == 429)
        node.service.advance(milliseconds: SignInLedger.windowMilliseconds)
        #expect(try await node.send(.post, "/auth/login", right).status == 200)
    }

    @Test func `retries of one refresh get the same successor and later reuse ends the session`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        func refresh(_ token: String) async throws -> RestReply {
            try await node.send(.post, "/auth/refresh", #"{"refresh_token":"\#(token)"}"#)
        }
        let first = try await refresh(ada.refresh)
        let retry = try await refresh(ada.refresh)
        #expect(first.status == 200)
        let successor = try #require(first.json["refresh_token"]?.asString)
        #expect(retry.json["refresh_token"]?.asString == successor)
        #expect(successor != ada.refresh)
        node.service.advance(milliseconds: 11_000)
        let reuse = try await refresh(ada.refresh)
        #expect(reuse.status == 401)
        #expect(reuse.code == "invalid_refresh_token")
        #expect(try await refresh(successor).status == 401)
        #expect(try await node.send(.get, "/v1/users/me", token: ada.access).code == "session_ended")
        #expect(try await refresh("rt_forged").status == 401)
    }

    @Test func `logout ends the session at once`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        #expect(try await node.send(.get, "/v1/users/me", token: ada.access).status == 200)
        #expect(try await node.send(.post, "/auth/logout", token: ada.access).status == 204)
        #expect(try await node.send(.get, "/v1/users/me", token: ada.access).status == 401)
        let body = #"{"refresh_token":"\#(ada.refresh)"}"#
        #expect(try await node.send(.post, "/auth/refresh", body).status == 401)
    }

    @Test func `introspection tells of a good token and nothing of others`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let good = try await node.send(
            .post, "/auth/introspect", #"{"token":"\#(ada.access)"}"#, token: ada.access)
        #expect(good.json["active"] == .bool(true))
        #expect(good.json["sub"]?.asString == ada.id)
        let form: HTTPField.Name = .contentType
        let reply = try await node.send(
            .post, "/auth/introspect", token: ada.access, headers: [form: "application/x-www-form-urlencoded"],
            body: .init(buffer: .init(string: "token=abc%2Edef&token_type_hint=x")))
        #expect(reply.text == #"{"active":false}"#)
    }

    @Test func `a token in the query is no token`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let reply = try await node.send(.get, "/v1/users/me?access_token=\(ada.access)")
        #expect(reply.status == 401)
        #expect(reply.headers[.wwwAuthenticate] != nil)
    }

    @Test func `an expired token is refused a minute after its end`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        node.service.advance(milliseconds: 959_000)
        #expect(try await node.send(.get, "/v1/users/me", token: ada.access).status == 200)
        node.service.advance(milliseconds: 2_000)
        #expect(try await node.send(.get, "/v1/users/me", token: ada.access).status == 401)
    }
}
