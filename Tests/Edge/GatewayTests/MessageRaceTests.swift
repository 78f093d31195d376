import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import Synchronization
import Testing

@testable import Gateway

/// Many who change one message at the same moment.
@Suite struct MessageRaceTests {
    /// One message that takes many turns to read and to change, and knows its version.
    private final class ContestedMessage: ChatService {
        private let view: Mutex<MessageView>
        private let base = FakeChatService()
        /// Somebody always comes in between.
        private let isHopeless: Bool

        init(_ id: MessageID, by author: UserID, isHopeless: Bool = false) {
            self.isHopeless = isHopeless
            self.view = Mutex(
                MessageView(
                    id: id, author: author, createdAt: .zero,
                    content: MessageContent(text: "first", clientID: nil, thread: nil)))
        }

        /// Others get theirs meanwhile.
        private func turns() async { for _ in 0..<50 { await Task.yield() } }

        var version: UInt64 { self.view.withLock { $0.version } }

        func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer {
            guard case .message = query, consistency == .linearizable else { return .refused(.invalid) }
            await self.turns()
            return .views([self.view.withLock { $0 }], head: 1)
        }

        func perform(_ command: Command, completion: @escaping @Sendable (Result<CommandResult, ServiceError>) -> Void)
        {
            guard case .editMessage(_, let text, _, _, let snapshot, _, _) = command else {
                return completion(.success(.refused(.invalid)))
            }
            Task {
                await self.turns()
                completion(
                    .success(
                        self.view.withLock { view in
                            guard !self.isHopeless, snapshot.version == view.version else { return .refused(.conflict) }
                            view.version += 1
                            view.content = MessageContent(text: text, clientID: nil, thread: nil)
                            return .view(view)
                        }))
            }
        }

        var nodeID: NodeID { self.base.nodeID }
        var presence: any PresenceSource { self.base.presence }
        var directory: DirectorySnapshot { self.base.directory }
        var readiness: Readiness { self.base.readiness }
        var feeds: any FeedSource { self.base.feeds }
        func shard(of channel: ChannelID) -> ShardID { self.base.shard(of: channel) }
        func rebuildSearch() async -> SearchRebuild { await self.base.rebuildSearch() }
        func clusterStatus() async -> ClusterStatus { await self.base.clusterStatus() }
    }

    private let ada = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let message = MessageID(channel: ChannelID(high: 5, low: 5), seq: 1)

    @Test func `two dozen edits of one message at once are all carried out`() async throws {
        let chat = ContestedMessage(self.message, by: self.ada.user)
        let (message, ada) = (self.message, self.ada)
        let outcomes = await withTaskGroup(of: Problem?.self) { tasks in
            for number in 1...24 {
                tasks.addTask {
                    do {
                        let view = try await MessageChanges(chat).edit(message, "text \(number)", by: ada)
                        return view.content.text == "text \(number)" ? nil : Problem(.internal)
                    } catch {
                        return error as? Problem ?? Problem(.internal, detail: "\(error)")
                    }
                }
            }
            return await tasks.reduce(into: [Problem?]()) { $0.append($1) }
        }
        #expect(outcomes.count == 24 && outcomes.allSatisfy { $0 == nil }, "\(outcomes.compactMap { $0 })")
        #expect(chat.version == 24)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a message that others change for ever is given up in time, and the refusal says so`() async throws {
        let chat = ContestedMessage(self.message, by: self.ada.user, isHopeless: true)
        let start = ContinuousClock.now
        let problem = await #expect(throws: Problem.self) {
            _ = try await MessageChanges(chat).edit(self.message, "never", by: self.ada)
        }
        #expect(problem?.code == .conflict)
        #expect(problem?.detail?.contains("at the same time") == true, "\(problem?.detail ?? "no detail")")
        #expect(ContinuousClock.now - start < .seconds(10))
    }
}
