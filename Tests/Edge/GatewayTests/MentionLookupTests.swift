import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import Synchronization
import Testing

@testable import Gateway

/// How names that this node does not know are looked up.
@Suite struct MentionLookupTests {
    /// A directory that takes a while, and of which this node has no copy.
    private final class SlowDirectory: ChatService {
        private struct State {
            var users: [String: UserID] = [:]
            var asked: [String] = []
            var open = 0
            var openMost = 0
            var failsAfter = Int.max
        }
        private let state = Mutex(State())
        private let base = FakeChatService()

        func register(_ name: String, _ number: UInt64) {
            self.state.withLock { $0.users[name] = UserID(high: 4, low: number) }
        }
        func fail(after count: Int) { self.state.withLock { $0.failsAfter = count } }
        var asked: [String] { self.state.withLock { $0.asked } }
        var openMost: Int { self.state.withLock { $0.openMost } }

        func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer {
            guard case .nameOwner(let name) = query, consistency == .linearizable else { return .refused(.invalid) }
            let fails = self.state.withLock { state in
                state.asked.append(name.name)
                state.open += 1
                state.openMost = max(state.openMost, state.open)
                return state.asked.count > state.failsAfter
            }
            try? await Task.sleep(for: .milliseconds(5))
            let owner = self.state.withLock { state in
                state.open -= 1
                return state.users[name.name]
            }
            if fails { throw .unavailable(retryAfterSeconds: 1) }
            return .nameOwner(owner.map { .user($0) })
        }

        var nodeID: NodeID { self.base.nodeID }
        var presence: any PresenceSource { self.base.presence }
        var directory: DirectorySnapshot { self.base.directory }
        var readiness: Readiness { self.base.readiness }
        var feeds: any FeedSource { self.base.feeds }
        func shard(of channel: ChannelID) -> ShardID { self.base.shard(of: channel) }
        func rebuildSearch() async -> SearchRebuild { await self.base.rebuildSearch() }
        func clusterStatus() async -> ClusterStatus { await self.base.clusterStatus() }
        func perform(_ command: Command, completion: @escaping @Sendable (Result<CommandResult, ServiceError>) -> Void)
        {
            self.base.perform(command, completion: completion)
        }
    }

    private let ada = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))

    private func draft(_ text: String) -> MessageDraft {
        MessageDraft(
            channel: ChannelID(high: 5, low: 5), content: MessageContent(text: text, clientID: nil, thread: nil))
    }

    @Test func `many unknown names are asked for together, each once, and as many as a message may name`() async throws
    {
        let directory = SlowDirectory()
        let changes = MessageChanges(directory)
        let text = (0..<90).map { "@nobody\($0). @nobody\($0)." }.joined(separator: " ")
        let draft = try await changes.addressed(self.draft(text), by: self.ada)
        #expect(draft.content.mentions.isEmpty)
        #expect(directory.asked.count == 2 * MessageContent.mentionsMax, "with and without the full stop")
        #expect(Set(directory.asked).count == directory.asked.count)
        #expect((2...32).contains(directory.openMost))
    }

    @Test func `whoever registers is named at once, in the order of the text`() async throws {
        let directory = SlowDirectory()
        let changes = MessageChanges(directory)
        let text = "@zoe, @nobody and @bob. Again @zoe"
        #expect(try await changes.addressed(self.draft(text), by: self.ada).content.mentions.isEmpty)
        directory.register("zoe", 1)
        directory.register("bob", 2)
        let named = try await changes.addressed(self.draft(text), by: self.ada).content.mentions
        #expect(named.map(\.name) == ["zoe", "bob"] && named.map(\.user.low) == [1, 2])
    }

    @Test func `a name at the end of a sentence is its owner's, whoever has it with the mark`() async throws {
        let directory = SlowDirectory()
        directory.register("ada.", 1)
        directory.register("ada-", 2)
        let changes = MessageChanges(directory)
        func named(_ text: String) async throws -> [UInt64] {
            try await changes.addressed(self.draft(text), by: self.ada).content.mentions.map(\.user.low)
        }
        #expect(try await named("thanks @ada.") == [1], "nobody else is called so")
        directory.register("ada", 3)
        #expect(try await named("thanks @ada.") == [3])
        #expect(try await named("thanks @ada- and @ada") == [3])
    }

    @Test func `a directory that does not answer fails the message`() async throws {
        let directory = SlowDirectory()
        directory.fail(after: 3)
        let text = (0..<40).map { "@nobody\($0)" }.joined(separator: " ")
        await #expect(throws: ServiceError.unavailable(retryAfterSeconds: 1)) {
            try await MessageChanges(directory).addressed(self.draft(text), by: self.ada)
        }
    }
}
