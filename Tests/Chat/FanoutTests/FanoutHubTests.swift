import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Synchronization
import Testing

@testable import Fanout

@Suite struct FanoutHubTests {
    private let channel = ChannelID(high: 1, low: 1)
    private let anna = UserID(high: 2, low: 1)

    private func message(_ seq: UInt64) -> FeedItem {
        .event(
            DurableEvent(
                channel: self.channel, seq: seq, at: .zero, actor: self.anna,
                body: .messageCreated(MessageContent(text: "\(seq)", clientID: "key-\(seq)", thread: nil))))
    }

    @Test func `a channel is subscribed once for all lanes and left with the last`() {
        let source = RecordingSource()
        let hub = FanoutHub(source: source)
        let first = hub.addLane(RecordingLane())
        let second = hub.addLane(RecordingLane())
        hub.join(self.channel, lane: first, after: 7)
        hub.join(self.channel, lane: second, after: 9)
        hub.leave(self.channel, lane: first)
        hub.leave(self.channel, lane: second)
        hub.leave(self.channel, lane: second)
        #expect(source.asked == ["subscribe 7", "unsubscribe"])
    }

    @Test func `each lane with readers gets each event once, others nothing`() {
        let hub = FanoutHub(source: RecordingSource())
        let lanes = [RecordingLane(), RecordingLane(), RecordingLane()]
        let ids = lanes.map { hub.addLane($0) }
        hub.join(self.channel, lane: ids[0], after: 0)
        hub.join(self.channel, lane: ids[2], after: 0)
        hub.receive([self.message(1), self.message(1), self.message(2)])
        #expect(lanes.map(\.seqs) == [[1, 2], [], [1, 2]])
    }

    @Test func `a source that answers on the caller's thread is no deadlock and mends a gap`() {
        let source = RecordingSource()
        let hub = FanoutHub(source: source)
        let lane = RecordingLane()
        let id = hub.addLane(lane)
        source.onSubscribe { seq in
            // The second request is the mending one.
            if seq == 1 { hub.receive([self.message(2), self.message(3)]) }
        }
        hub.join(self.channel, lane: id, after: 0)
        hub.receive([self.message(1)])
        hub.receive([self.message(3)])
        #expect(lane.seqs == [1, 2, 3])
        #expect(source.asked == ["subscribe 0", "subscribe 1"])
    }

    @Test func `an event that is known of and does not come is asked for again`() {
        let source = RecordingSource()
        let hub = FanoutHub(source: source)
        let lane = RecordingLane()
        hub.join(self.channel, lane: hub.addLane(lane), after: 0)
        hub.receive([self.message(1)])
        hub.note(self.channel, head: 2)
        for _ in 0..<6 { hub.tick() }
        #expect(source.asked == ["subscribe 0", "subscribe 1", "subscribe 1"])
        hub.receive([self.message(2)])
        for _ in 0..<50 { hub.tick() }
        #expect(source.asked.count == 3)
        #expect(lane.seqs == [1, 2])
    }

    @Test func `only the author's form carries the client id`() throws {
        let hub = FanoutHub(source: RecordingSource())
        let lane = RecordingLane()
        hub.join(self.channel, lane: hub.addLane(lane), after: 0)
        hub.receive([self.message(1)])
        let event = try #require(lane.events.first)
        let others = String(buffer: event.frame(for: UserID(high: 9, low: 9)))
        #expect(!others.contains("client_id"))
        #expect(String(buffer: event.frame(for: self.anna)).contains(#""client_id":"key-1""#))
    }

    @Test func `notices reach the lanes that watch the user`() {
        let source = RecordingSource()
        let hub = FanoutHub(source: source)
        let lane = RecordingLane()
        let id = hub.addLane(lane)
        hub.receive([.notice(self.anna, .channelLeft(self.channel))])
        hub.watch(self.anna, lane: id)
        hub.receive([.notice(self.anna, .channelLeft(self.channel))])
        hub.unwatch(self.anna, lane: id)
        #expect(lane.noticeCount == 1)
        #expect(source.asked == ["watch", "unwatch"])
    }

    @Test(arguments: [0, 125, 126, 65_535, 65_536])
    func `text frames use the shortest length`(count: Int) {
        let frame = TextFrame.buffer([UInt8](repeating: 0x61, count: count))
        let header = count < 126 ? 2 : count < 65_536 ? 4 : 10
        #expect(frame.readableBytes == header + count)
        #expect(frame.getInteger(at: 0, as: UInt8.self) == 0x81)
    }
}

private final class RecordingSource: FeedSource {
    private let state = Mutex<(asked: [String], onSubscribe: (@Sendable (UInt64) -> Void)?)>(([], nil))
    var asked: [String] { self.state.withLock { $0.asked } }
    func onSubscribe(_ body: @escaping @Sendable (UInt64) -> Void) { self.state.withLock { $0.onSubscribe = body } }

    func subscribe(_ channel: ChannelID, after seq: UInt64) {
        let body = self.state.withLock { state in
            state.asked.append("subscribe \(seq)")
            return state.onSubscribe
        }
        body?(seq)
    }
    func unsubscribe(_ channel: ChannelID) { self.state.withLock { $0.asked.append("unsubscribe") } }
    func watch(_ user: UserID) { self.state.withLock { $0.asked.append("watch") } }
    func unwatch(_ user: UserID) { self.state.withLock { $0.asked.append("unwatch") } }
    func setSink(_ sink: any FeedSink) {}
}

private final class RecordingLane: DeliveryLane {
    private let deliveries = Mutex<[Delivery]>([])
    func deliver(_ deliveries: [Delivery]) { self.deliveries.withLock { $0 += deliveries } }
    var events: [PreparedEvent] {
        self.deliveries.withLock { $0.compactMap { if case .event(let event) = $0 { event } else { nil } } }
    }
    var seqs: [UInt64] { self.events.map(\.seq) }
    var noticeCount: Int {
        self.deliveries.withLock { $0.count { if case .notice = $0 { true } else { false } } }
    }
}
