import ChatModel
import ClusterModel
import Testing

/// What a message passes through is copied from hand to hand thousands of times a second. A case that makes one of
/// these larger costs every message: put it behind a reference (`indirect`).
@Suite struct LayoutTests {
    @Test func `what a message passes through is no larger than a message`() {
        #expect(MemoryLayout<MessageContent>.stride <= 72)
        #expect(MemoryLayout<EventBody>.stride <= 72)
        #expect(MemoryLayout<DurableEvent>.stride <= 128)
        #expect(MemoryLayout<CommandResult>.stride <= 136)
        #expect(MemoryLayout<Command>.stride <= 176)
        #expect(MemoryLayout<LoggedCommand>.stride <= 184)
        #expect(MemoryLayout<UserNotice>.stride <= 40)
        #expect(MemoryLayout<ShardEffect>.stride <= 56)
    }
}
