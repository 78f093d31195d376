import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Synchronization
import Testing

@testable import Gateway

/// What a search over REST asks for, and what it shows.
@Suite struct RestSearchTests {
    private static func hit(_ seq: UInt64, score: Int64) -> SearchHit {
        SearchHit(
            message: MessageView(
                id: MessageID(channel: ChannelID(high: 5, low: 5), seq: seq), author: UserID(high: 1, low: 1),
                createdAt: Timestamp(milliseconds: 1_000 * Int64(seq)),
                content: MessageContent(text: "x", clientID: nil, thread: nil)), highlight: "<mark>x</mark>",
            score: score)
    }

    /// Notes what is asked, and gives these pages in turn.
    private final class Index: Sendable {
        private let state: Mutex<(asked: [SearchRequest], pages: [[SearchHit]])>
        init(_ pages: [[SearchHit]]) { self.state = Mutex(([], pages)) }

        var asked: [SearchRequest] { self.state.withLock { $0.asked } }
        func answer(_ request: SearchRequest) -> QueryAnswer {
            self.state.withLock { state in
                state.asked.append(request)
                return .hits(state.pages.isEmpty ? [] : state.pages.removeFirst(), isComplete: true)
            }
        }
    }

    @Test func `by relevance the score is shown and a page goes on behind it`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let index = Index([[Self.hit(7, score: -90), Self.hit(2, score: -30)], []])
        node.service.find { index.answer($0) }
        let path = "/v1/search/messages?q=x&sort=relevance&limit=2"
        let first = try await node.send(.get, path, token: ada.access)
        #expect(first.status == 200, "\(first.text)")
        let items = first.json["items"]?.asArray?.compactMap(\.asObject)
        #expect(items?.map { $0["score"] } == [.integer(90), .integer(30)])
        let cursor = try #require(first.json["next_cursor"]?.asString)
        #expect(try await node.send(.get, path + "&cursor=\(cursor)", token: ada.access).status == 200)
        #expect(index.asked.map(\.order) == [.relevance, .relevance])
        #expect(index.asked.last?.position == SearchPosition(rank: -30, message: Self.hit(2, score: 0).message.id))
        // It is a cursor of this order only.
        let other = try await node.send(
            .get, "/v1/search/messages?q=x&limit=2&cursor=\(cursor)", token: ada.access)
        #expect(other.status == 422 && other.code == "invalid")
    }

    @Test(arguments: [
        "q=x", "q=x&sort=newest", "q=-x&sort=relevance", "from=usr_00000000000000000000000001&sort=relevance",
    ])
    func `without a word or by wish the newest come first, and no score is shown`(query: String) async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let index = Index([[Self.hit(7, score: 0)]])
        node.service.find { index.answer($0) }
        let reply = try await node.send(.get, "/v1/search/messages?\(query)&limit=1", token: ada.access)
        #expect(reply.status == 200 && index.asked.map(\.order) == [.newest])
        #expect(reply.json["items"]?.asArray?.first?.asObject?["score"] == nil)
    }

    @Test func `another order is refused`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let reply = try await node.send(.get, "/v1/search/messages?q=x&sort=oldest", token: ada.access)
        #expect(reply.status == 422 && reply.text.contains("sort"))
    }

    @Test func `an index that is behind is said to be`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        node.service.find { _ in .hits([Self.hit(7, score: 0)], isComplete: false) }
        let reply = try await node.send(.get, "/v1/search/messages?q=x", token: ada.access)
        #expect(reply.status == 503 && reply.code == "search_behind" && reply.headers[.retryAfter] == "1")
        #expect(!reply.text.contains("mark"))
    }

    @Test func `only administrators have the index made anew, and it is written down`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        let path = "/v1/admin/search/rebuild"
        #expect(try await node.send(.post, path).status == 401)
        #expect(try await node.send(.post, path, token: bob.access).status == 403)
        #expect(node.service.rebuilds == 0)
        let reply = try await node.send(.post, path, token: ada.access)
        #expect(reply.status == 202 && node.service.rebuilds == 1, "\(reply.text)")
        #expect(reply.json["nodes"] == .array([.string(node.service.nodeID.description)]))
        #expect(reply.json["unreached"] == .array([]))
        let audit = try await node.send(.get, "/v1/admin/audit?action=search", token: ada.access)
        let entries = audit.json["items"]?.asArray?.compactMap(\.asObject)
        #expect(entries?.map { $0["action"] } == [.string("search.rebuild")], "\(audit.text)")
        #expect(entries?.first?["actor_id"] == .string(ada.id))
    }
}
