import ChatModel
import ClusterModel
import Testing

@testable import Presence

/// The batches between nodes.
@Suite struct PresenceBatchTests {
    private static let user = UserID(high: 1, low: 2)
    private static let said = PresenceSaid(
        choice: PresenceChoice(status: .dnd, until: Timestamp(milliseconds: 5)), at: Timestamp(milliseconds: 4))

    private func check<Value: Wire & Equatable>(_ value: Value) throws {
        let bytes = value.encoded
        #expect(try Value(encoded: bytes) == value)
        for count in 0..<bytes.count { #expect(throws: WireError.self) { try Value(encoded: Array(bytes[..<count])) } }
    }

    @Test func `every batch comes back as it was, and a part of one is refused`() throws {
        let node = NodeID(high: 3, low: 4)
        let report = PresenceReport(user: Self.user, status: .away, said: Self.said)
        let state = PresenceState(user: Self.user, status: .dnd, until: Timestamp(milliseconds: 5))
        try self.check(PresenceReportBatch(from: node, reports: [report]))
        try self.check(PresenceWatchBatch(from: node, watched: [Self.user], unwatched: [Self.user]))
        try self.check(PresenceUpdateBatch(from: node, states: [state], renewed: [ShardID(3)]))
        try self.check(
            TypingBatch(
                from: node,
                notes: [TypingNote(channel: ChannelID(high: 1, low: 1), user: Self.user, isOver: true)]))
        try self.check(PresenceQuestion(from: node, reports: [report], users: [Self.user]))
        try self.check(
            PresenceReply(states: [state], chosen: [Self.user], unknown: [Self.user], elsewhere: [Self.user]))
    }

    @Test func `a batch of more people than one may have is refused before anything is reserved`() {
        let users = (0...presenceBatchMax).map { UserID(high: 0, low: UInt64($0)) }
        let batch = PresenceWatchBatch(from: NodeID(high: 0, low: 1), watched: users, unwatched: [])
        #expect(throws: WireError.self) { try PresenceWatchBatch(encoded: batch.encoded) }
    }
}
