import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Testing

@testable import Gateway

@Suite struct RestChannelTests {
    @Test func `a channel is created once for one key and its name is unique`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let body = #"{"name":"Lobby","type":"public","topic":"hello"}"#
        let key: [HTTPField.Name: String] = [.idempotencyKey: "k1"]
        let first = try await node.send(.post, "/v1/channels", body, token: ada.access, headers: key)
        let again = try await node.send(.post, "/v1/channels", body, token: ada.access, headers: key)
        #expect(first.status == 201)
        #expect(again.status == 201)
        #expect(again.json["id"] == first.json["id"])
        #expect(first.json["member_count"] == .integer(1))
        #expect(first.json["seq"] == .integer(1))
        let other = try await node.send(.post, "/v1/channels", #"{"name":"lobby","type":"private"}"#, token: ada.access)
        #expect(other.code == "name_taken")
        let reused = try await node.send(
            .post, "/v1/channels", #"{"name":"Lobby","type":"public","topic":"other"}"#, token: ada.access, headers: key
        )
        #expect(reused.code == "idempotency_key_reused")
        // The reuse must not have freed the name.
        let still = try await node.send(.post, "/v1/channels", body, token: ada.access)
        #expect(still.code == "name_taken")
    }

    @Test(arguments: [
        ("caf\u{E9}", "cafe\u{301}"), ("cafe\u{301}", "caf\u{E9}"), ("Ågåta", "A\u{30A}GA\u{30A}TA"),
        ("straße", "STRASSE"), ("οδος", "ΟΔΟΣ"), ("a b", "a\u{A0}\u{3000} B"), ("tea ☕", "tea ☕\u{FE0F}"),
        ("한", "\u{1112}\u{1161}\u{11AB}"), ("K", "\u{212A}"),
    ])
    func `channel names that are one to the eye are one name`(one: String, other: String) async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let first = try await node.createChannel(one, token: ada.access)
        let again = try await node.send(
            .post, "/v1/channels", #"{"name":"\#(other)","type":"public"}"#, token: ada.access)
        #expect(again.code == "name_taken", "\(again.text)")
        let elsewhere = try await node.createChannel("elsewhere", token: ada.access)
        let renamed = try await node.send(
            .patch, "/v1/channels/\(elsewhere)", #"{"name":"\#(other)"}"#, token: ada.access)
        #expect(renamed.code == "name_taken", "\(renamed.text)")
        // Its own name in another spelling is no other one.
        let own = try await node.send(.patch, "/v1/channels/\(first)", #"{"name":"\#(other)"}"#, token: ada.access)
        #expect(own.status == 200, "\(own.text)")
    }

    @Test func `a channel's name is kept in its composed form and found by any`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let id = try await node.createChannel("Cafe\u{301}", token: ada.access)
        let channel = try await node.send(.get, "/v1/channels/\(id)", token: ada.access)
        #expect(channel.json["name"]?.asString.map { Array($0.utf8) } == Array("Caf\u{E9}".utf8))
        for query in ["caf%C3%A9", "cafe%CC%81", "CAFE%CC%81"] {
            let found = try await node.send(.get, "/v1/channels?query=\(query)", token: ada.access)
            #expect(found.items.map { $0["id"]?.asString } == [id], "\(query)")
        }
    }

    @Test(arguments: [#"gen\u200b"#, #"gen\u00ad"#, #"\u200b"#, #"\u3164"#, #"\u2800"#, #"g\u202een"#, " ", ""])
    func `a channel's name with something invisible is refused`(name: String) async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let id = try await node.createChannel("gen", token: ada.access)
        let made = try await node.send(
            .post, "/v1/channels", #"{"name":"\#(name)","type":"public"}"#, token: ada.access)
        #expect(made.status == 422, "\(made.text)")
        #expect(made.json["errors"]?.asArray?.first?.asObject?["field"] == .string("name"))
        let renamed = try await node.send(.patch, "/v1/channels/\(id)", #"{"name":"\#(name)"}"#, token: ada.access)
        #expect(renamed.status == 422, "\(renamed.text)")
    }

    @Test func `membership shows in the sidebar with the answer`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        let channel = try await node.createChannel("lobby", token: ada.access)
        #expect(try await node.send(.post, "/v1/channels/\(channel)/join", token: bob.access).status == 204)
        var mine = try await node.send(.get, "/v1/users/me/channels", token: bob.access)
        #expect(mine.items.first?["id"]?.asString == channel)
        #expect(mine.items.first?["unread"] != nil)
        let members = try await node.send(.get, "/v1/channels/\(channel)/members", token: bob.access)
        #expect(Set(members.items.compactMap { $0["user_id"]?.asString }) == [ada.id, bob.id])
        #expect(try await node.send(.post, "/v1/channels/\(channel)/leave", token: bob.access).status == 204)
        mine = try await node.send(.get, "/v1/users/me/channels", token: bob.access)
        #expect(mine.items.isEmpty)
    }

    @Test func `a private channel is not there for others until they are added`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        let channel = try await node.createChannel("secret", type: "private", token: ada.access)
        let missing = ChannelID(high: 7, low: 7)
        for path in [
            "/v1/channels/\(channel)", "/v1/channels/\(channel)/members", "/v1/messages?channel_id=\(channel)",
        ] {
            let hidden = try await node.send(.get, path, token: bob.access)
            let absent = try await node.send(
                .get, path.replacing(channel, with: missing.description), token: bob.access)
            #expect(hidden.status == 404)
            #expect(hidden.code == absent.code)
            #expect(hidden.json["detail"] == absent.json["detail"])
        }
        #expect(try await node.send(.post, "/v1/channels/\(channel)/join", token: bob.access).status == 404)
        let put = try await node.send(.put, "/v1/channels/\(channel)/members/\(bob.id)", token: ada.access)
        #expect(put.status == 200)
        #expect(put.json["user_id"]?.asString == bob.id)
        #expect(put.json["role"] == .string("member"))
        #expect(try await node.send(.get, "/v1/channels/\(channel)", token: bob.access).status == 200)
        let gone = try await node.send(.delete, "/v1/channels/\(channel)/members/\(bob.id)", token: ada.access)
        #expect(gone.status == 204)
        #expect(try await node.send(.get, "/v1/channels/\(channel)", token: bob.access).status == 404)
    }

    @Test func `the directory pages by cursors that only their reader can use`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        for name in ["alpha", "beta", "gamma"] { _ = try await node.createChannel(name, token: ada.access) }
        let first = try await node.send(.get, "/v1/channels?limit=2", token: ada.access)
        #expect(first.items.compactMap { $0["name"]?.asString } == ["alpha", "beta"])
        let cursor = try #require(first.json["next_cursor"]?.asString)
        let second = try await node.send(.get, "/v1/channels?limit=2&cursor=\(cursor)", token: ada.access)
        #expect(second.items.compactMap { $0["name"]?.asString } == ["gamma"])
        #expect(second.json["next_cursor"] == .null)
        for (path, token) in [
            ("/v1/channels?cursor=\(cursor)", bob.access), ("/v1/channels?query=g&cursor=\(cursor)", ada.access),
            ("/v1/users/me/channels?cursor=\(cursor)", ada.access), ("/v1/channels?cursor=AAAA", ada.access),
            ("/v1/channels?limit=0", ada.access), ("/v1/channels?limit=201", ada.access),
            ("/v1/channels?limit=-1", ada.access),
        ] {
            #expect(try await node.send(.get, path, token: token).status == 422)
        }
        let found = try await node.send(.get, "/v1/channels?query=GA", token: bob.access)
        #expect(found.items.compactMap { $0["name"]?.asString } == ["gamma"])
    }

    @Test func `a message is accepted once for its client id and read back by page and by id`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        let channel = try await node.createChannel("lobby", token: ada.access)
        func post(_ text: String, _ clientID: String) async throws -> RestReply {
            try await node.send(
                .post, "/v1/messages", #"{"channel_id":"\#(channel)","text":"\#(text)","client_id":"\#(clientID)"}"#,
                token: ada.access)
        }
        let first = try await post("one", "a")
        #expect(first.status == 202)
        #expect(try await post("one", "a").json["id"] == first.json["id"])
        #expect(try await post("other", "a").code == "idempotency_key_reused")
        for number in 2...5 { #expect(try await post("m\(number)", "c\(number)").status == 202) }

        let newest = try await node.send(.get, "/v1/messages?channel_id=\(channel)&limit=2", token: bob.access)
        #expect(newest.items.compactMap { $0["text"]?.asString } == ["m4", "m5"])
        #expect(newest.items.first?["client_id"] == nil)
        let around = try await node.send(
            .get, "/v1/messages?channel_id=\(channel)&around=3&limit=3", token: ada.access)
        #expect(around.items.compactMap { $0["seq"]?.asInteger } == [2, 3, 4])
        #expect(around.items.first?["client_id"] == .string("a"))
        let id = try #require(first.json["id"]?.asString)
        #expect(try await node.send(.get, "/v1/messages/\(id)", token: bob.access).json["text"] == .string("one"))
        // seq 1 is the creator's own member.joined: no message.
        #expect(try await node.send(.get, "/v1/messages/\(channel).1", token: bob.access).status == 404)
        let both = try await node.send(
            .get, "/v1/messages?channel_id=\(channel)&before=3&after=1", token: ada.access)
        #expect(both.status == 422)
    }

    @Test func `a text has 1 to 16384 bytes and a thread is of its channel`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let channel = try await node.createChannel("lobby", token: ada.access)
        func post(_ fields: String) async throws -> Int {
            try await node.send(
                .post, "/v1/messages", #"{"channel_id":"\#(channel)",\#(fields)}"#, token: ada.access
            ).status
        }
        #expect(try await post(#""text":"""#) == 422)
        #expect(try await post(#""text":"\#(String(repeating: "x", count: 16_385))""#) == 422)
        #expect(try await post(#""text":"\#(String(repeating: "x", count: 16_384))""#) == 202)
        #expect(try await post(#""text":"x","thread_id":"\#(ChannelID(high: 1, low: 1)).2""#) == 422)
        #expect(try await post(#""text":"x","client_id":7"#) == 422)
        #expect(try await post(#""text":"x","file_ids":["fil_1"]"#) == 422)
    }

    @Test func `what was not applied and what may have been are told apart`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let channel = try await node.createChannel("lobby", token: ada.access)
        let body = #"{"channel_id":"\#(channel)","text":"hello"}"#
        node.service.fail(.unavailable(retryAfterSeconds: 2), .outcomeUnknown, .overloaded)
        let unavailable = try await node.send(.post, "/v1/messages", body, token: ada.access)
        #expect(unavailable.status == 503)
        #expect(unavailable.headers[.retryAfter] == "2")
        let unknown = try await node.send(.post, "/v1/messages", body, token: ada.access)
        #expect(unknown.code == "outcome_unknown")
        #expect(unknown.headers[.retryAfter] != nil)
        #expect(try await node.send(.post, "/v1/messages", body, token: ada.access).code == "overloaded")
    }

    @Test func `a command is repeated while it may have been applied, and its last no does not hide that`() async throws
    {
        let node = RestNode()
        let ada = try await node.register("ada")
        // Nothing is known of the first, and the second is the answer.
        node.service.fail(.outcomeUnknown)
        #expect(try await node.send(.post, "/v1/admin/invites", "{}", token: ada.access).status == 201)
        // The first may stand in a log, whatever the others were told.
        node.service.fail(.outcomeUnknown, .unavailable(retryAfterSeconds: 1), .unavailable(retryAfterSeconds: 1))
        let unknown = try await node.send(.post, "/v1/admin/invites", "{}", token: ada.access)
        #expect(unknown.status == 503)
        #expect(unknown.code == "outcome_unknown")
        // What was declined each time was not applied.
        node.service.fail(.overloaded, .overloaded, .unavailable(retryAfterSeconds: 3))
        let declined = try await node.send(.post, "/v1/admin/invites", "{}", token: ada.access)
        #expect(declined.code == "unavailable")
        #expect(declined.headers[.retryAfter] == "3")
    }

    @Test func `a mail address is shown to its owner and to admins`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let body = #"{"username":"bob","password":"12345678","email":"bob@example.org"}"#
        let reply = try await node.send(.post, "/auth/register", body)
        let bob = try #require(reply.json["access_token"]?.asString)
        let id = try #require(reply.json["user"]?.asObject?["id"]?.asString)
        let eve = try await node.register("eve")
        #expect(
            try await node.send(.get, "/v1/users/\(id)", token: ada.access).json["email"] == .string("bob@example.org"))
        #expect(try await node.send(.get, "/v1/users/\(id)", token: bob).json["email"] == .string("bob@example.org"))
        let seen = try await node.send(.get, "/v1/users/\(id)", token: eve.access)
        #expect(seen.status == 200)
        #expect(seen.json["email"] == nil)
        #expect(!seen.text.contains("scrypt"))
    }
}
