import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Testing

@testable import Gateway

/// Every POST that takes an `Idempotency-Key`: one object and one answer, however often it comes, wherever, and wherever
/// the first one was cut off.
@Suite struct KeyedPostTests {
    /// A route, and a request to it that succeeds once in a world as `World` makes it.
    struct Post: Sendable, CustomTestStringConvertible {
        let route: String
        let body: @Sendable (World) -> String?
        /// Whether the second person asks.
        var isByBob = false
        /// Written down before it is done, so that an attempt that was cut off leaves a line too.
        var isNotedFirst = false
        var prepare: @Sendable (World) async throws -> Void = { _ in }

        init(
            _ route: String, isByBob: Bool = false, isNotedFirst: Bool = false,
            body: @escaping @Sendable (World) -> String? = { _ in nil },
            prepare: @escaping @Sendable (World) async throws -> Void = { _ in }
        ) {
            self.route = route
            self.body = body
            self.isByBob = isByBob
            self.isNotedFirst = isNotedFirst
            self.prepare = prepare
        }

        var testDescription: String { self.route }

        func path(in world: World) -> String {
            let id =
                switch self.route {
                case let route where route.contains("/users/"): world.bob.id
                case let route where route.contains("/messages/") || route.contains("/threads/"): world.message
                case let route where route.contains("/flags/"): world.flag
                case let route where route.contains("/nodes/"): world.nodes[0].description
                case let route where route.hasSuffix("/leave"): world.den
                default: world.channel
                }
            return self.route.split(separator: "/", omittingEmptySubsequences: false)
                .map { $0 == ":id" ? id : String($0) }.joined(separator: "/")
        }
    }

    /// Two nodes of one cluster, an administrator and a member, who is in a private channel, and what they can ask about.
    struct World: Sendable {
        let service: MachineService
        let nodes: [NodeID]
        let here: RestNode
        let there: RestNode
        let ada: (access: String, refresh: String, id: String)
        let bob: (access: String, refresh: String, id: String)
        let channel: String
        let den: String
        let message: String
        let flag: String

        init() async throws {
            let service = MachineService()
            self.service = service
            let here = RestNode(service)
            self.here = here
            self.there = RestNode(service)
            self.nodes = [NodeID(high: 7, low: 1), NodeID(high: 7, low: 2)]
            let versions = try #require(FeatureRange(.first, FeatureVersion(FeatureVersion.first.rawValue + 1)))
            for (number, id) in self.nodes.enumerated() {
                let address = PeerAddress(host: "127.0.0.1", port: UInt16(7400 + number))
                service.apply(
                    .registerNode(
                        NodeRecord(
                            id: id, name: "n\(number)", address: address, clientAddress: "", state: .joining,
                            boot: BootCounter(1))))
                service.apply(
                    .startNode(
                        NodeStart(
                            node: id, boot: BootCounter(1), nonce: 9, address: address, clientAddress: "",
                            versions: versions)))
                service.apply(.activateNode(id))
            }
            let ada = try await here.register("ada")
            let bob = try await here.register("bob")
            self.ada = ada
            self.bob = bob
            let channel = try await here.createChannel("general", token: bob.access)
            let den = try await here.createChannel("den", type: "private", token: ada.access)
            self.channel = channel
            self.den = den
            let joined = try await here.send(
                .put, "/v1/channels/\(den)/members/\(bob.id)", "{}", token: ada.access)
            try #require(joined.status == 200, "\(joined.text)")
            func post(_ text: String) async throws -> String {
                let reply = try await here.send(
                    .post, "/v1/messages", #"{"channel_id":"\#(channel)","text":"\#(text)"}"#, token: bob.access)
                return try #require(reply.json["id"]?.asString, "\(reply.text)")
            }
            self.message = try await post("hello")
            let rude = try await post("rude")
            let flagged = try await here.send(
                .post, "/v1/messages/\(rude)/flag", #"{"reason":"rude"}"#, token: ada.access)
            self.flag = try #require(flagged.json["id"]?.asString, "\(flagged.text)")
        }

        func ask(_ post: Post, at node: RestNode) async throws -> RestReply {
            try await node.send(
                .post, post.path(in: self), post.body(self), token: post.isByBob ? self.bob.access : self.ada.access,
                headers: [.idempotencyKey: "once"])
        }

        /// What has been made, audit log apart where it may have a line more.
        func made(by post: Post) -> [String] {
            var counts = self.service.rowCounts
            if post.isNotedFirst { counts["item 3"] = nil }
            return counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        }
    }

    private static let later = "2027-01-15T09:00:00.000Z"

    static let posts: [Post] = [
        Post("/v1/channels") { _ in #"{"name":"plans","type":"private"}"# },
        Post("/v1/messages", isByBob: true) { #"{"channel_id":"\#($0.channel)","text":"once"}"# },
        Post("/v1/threads/:id/replies", isByBob: true) { _ in #"{"text":"once"}"# },
        Post("/v1/dms") { #"{"user_ids":["\#($0.bob.id)"]}"# },
        Post("/v1/channels/:id/join"),
        Post("/v1/channels/:id/leave", isByBob: true),
        Post("/v1/channels/:id/archive", isByBob: true),
        Post(
            "/v1/channels/:id/unarchive", isByBob: true,
            prepare: { world in
                let reply = try await world.here.send(
                    .post, "/v1/channels/\(world.channel)/archive", token: world.bob.access)
                try #require(reply.status == 204)
            }),
        Post("/v1/messages/:id/flag") { _ in #"{"reason":"spam"}"# },
        Post("/v1/scheduled", isByBob: true) {
            #"{"channel_id":"\#($0.channel)","text":"later","send_at":"\#(later)"}"#
        },
        Post("/v1/reminders", isByBob: true) { #"{"message_id":"\#($0.message)","at":"\#(later)"}"# },
        Post("/v1/emoji") { _ in #"{"name":"ship","alias":"\ud83d\udea2"}"# },
        Post("/v1/admin/invites") { _ in #"{"max_uses":3}"# },
        Post("/v1/admin/flags/:id/resolve") { _ in #"{"action":"deleted"}"# },
        Post("/v1/admin/users/:id/deactivate"),
        Post(
            "/v1/admin/users/:id/reactivate",
            prepare: { world in
                let reply = try await world.here.send(
                    .post, "/v1/admin/users/\(world.bob.id)/deactivate", token: world.ada.access)
                try #require(reply.status == 204)
            }),
        Post("/v1/admin/search/rebuild", isNotedFirst: true),
        Post("/v1/cluster/nodes/:id/drain", isNotedFirst: true),
        Post("/v1/cluster/nodes/:id/remove", isNotedFirst: true),
        Post("/v1/cluster/upgrade/finalize", isNotedFirst: true),
    ]

    @Test func `the table names every route that takes a key`() {
        let keyed = RestNode().routes.filter {
            $0.method == .post && $0.keying != .ignored && !$0.path.hasPrefix("/auth/")
        }
        #expect(Set(keyed.map(\.path)) == Set(Self.posts.map(\.route)))
    }

    @Test(arguments: posts)
    func `a repetition on another node answers as the first and makes nothing`(_ post: Post) async throws {
        let world = try await World()
        try await post.prepare(world)
        let first = try await world.ask(post, at: world.here)
        #expect((200..<300).contains(first.status), "\(first.text)")
        let made = world.service.rowCounts
        for node in [world.there, world.here] {
            world.service.advance(milliseconds: 1_500)
            let again = try await world.ask(post, at: node)
            #expect(again.status == first.status, "\(again.text)")
            #expect(again.json["id"] == first.json["id"] && again.json["invite"] == first.json["invite"])
            #expect(world.service.rowCounts == made)
        }
    }

    @Test(arguments: posts)
    func `wherever the first is cut off, the repetition answers as it would have`(_ post: Post) async throws {
        let whole = try await World()
        try await post.prepare(whole)
        let wanted = try await whole.ask(post, at: whole.here)
        // More commands than any route takes.
        for count in 0..<12 {
            let world = try await World()
            try await post.prepare(world)
            world.service.cutOff(after: count)
            let lost = try await world.ask(post, at: world.here)
            guard world.service.isCutOff else {
                #expect(count > 0 && lost.status == wanted.status)
                return
            }
            world.service.heal()
            world.service.advance(milliseconds: 1_500)
            let second = try await world.ask(post, at: world.there)
            #expect(second.status == wanted.status, "cut off after \(count): \(second.text)")
            #expect(world.made(by: post) == whole.made(by: post), "cut off after \(count)")
            world.service.advance(milliseconds: 1_500)
            let third = try await world.ask(post, at: world.here)
            #expect(third.status == wanted.status, "cut off after \(count): \(third.text)")
            #expect(third.json["id"] == second.json["id"] && third.json["invite"] == second.json["invite"])
            #expect(world.made(by: post) == whole.made(by: post), "cut off after \(count)")
        }
        Issue.record("it takes more commands than expected")
    }

    @Test func `what is wrong with a repetition is not kept as the answer of the first`() async throws {
        let world = try await World()
        let post = try #require(Self.posts.first { $0.route == "/v1/scheduled" })
        // The key is claimed, and nothing more.
        world.service.cutOff(after: 0)
        #expect(try await world.ask(post, at: world.here).status == 503)
        world.service.heal()
        func go(_ what: String) async throws {
            let path = "/v1/channels/\(world.channel)/\(what)"
            #expect(try await world.here.send(.post, path, token: world.bob.access).status == 204)
        }
        try await go("leave")
        #expect(try await world.ask(post, at: world.there).status == 403)
        try await go("join")
        #expect(try await world.ask(post, at: world.there).status == 201)
    }

    @Test func `what the first has made is there for a repetition, though what it is about is gone`() async throws {
        for route in ["/v1/reminders", "/v1/scheduled"] {
            let world = try await World()
            let post = try #require(Self.posts.first { $0.route == route })
            // The key is claimed and the object made.
            world.service.cutOff(after: 1)
            #expect(try await world.ask(post, at: world.here).status == 503)
            world.service.heal()
            let message = "/v1/messages/\(world.message)"
            #expect(try await world.here.send(.delete, message, token: world.bob.access).status == 204)
            let leave = "/v1/channels/\(world.channel)/leave"
            #expect(try await world.here.send(.post, leave, token: world.bob.access).status == 204)
            let second = try await world.ask(post, at: world.there)
            #expect(second.status == 201, "\(route): \(second.text)")
            #expect(try await world.ask(post, at: world.here).json["id"] == second.json["id"])
        }
    }
}
