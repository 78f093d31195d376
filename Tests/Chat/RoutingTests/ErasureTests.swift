import ChatModel
import ChatService
import ClusterModel
import Foundation
import Placement
import Replication
import Testing

@testable import Routing
@testable import WriteAheadLog

/// What was erased is in no file of a node any more once its time is over, however little is written afterwards.
@Suite(.serialized) struct ErasureTests {
    private let alice = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let lounge = ChannelID(high: 77, low: 1)

    /// A log that keeps nothing for longer than two seconds, and would keep everything but for that.
    private static var settings: ReplicationSettings {
        var settings = ReplicationSettings()
        settings.projectionMilliseconds = 200
        settings.retention.keepMilliseconds = 2_000
        settings.retention.checkpointMilliseconds = 300
        settings.checkpointsPerSecondMax = 1_000
        settings.segmentBytes = 1 << 20
        return settings
    }

    private func founded() async throws -> (cluster: InProcessCluster, node: InProcessCluster.Member) {
        let cluster = try InProcessCluster(Self.settings)
        let node = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { node.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        try await self.create(self.lounge, node)
        return (cluster, node)
    }

    private func create(_ channel: ChannelID, _ node: InProcessCluster.Member) async throws {
        _ = try await node.router.perform(
            .createChannel(channel, name: "c\(channel.low)", type: .public, topic: "", by: self.alice, nil))
    }

    private func post(
        _ word: String, to channel: ChannelID, _ node: InProcessCluster.Member
    ) async throws -> MessageID {
        let key = IdempotencyKey(user: self.alice.user, key: word, fingerprint: 1)
        let result = try await node.router.perform(
            .postMessage(
                channel, MessageContent(text: self.text(word), clientID: nil, thread: nil), by: self.alice, key))
        guard case .message(let event) = result else { throw Failure(result: result) }
        return MessageID(channel: channel, seq: event.seq)
    }

    private struct Failure: Error { let result: CommandResult }

    /// Several times: no border of a block goes through all of them.
    private func text(_ word: String) -> String { "\(word) \(word) and \(word)" }

    /// Files of the node that have a word of these, each with what it has.
    private func traces(of words: [String], _ cluster: InProcessCluster) throws -> [String: [String]] {
        let folder = cluster.folder(1)
        var found: [String: [String]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            guard let bytes = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
            let texts = [bytes, name.contains("wal/") ? Self.plain(bytes) : Data()]
            let seen = words.filter { word in texts.contains { $0.range(of: Data(word.utf8)) != nil } }
            if !seen.isEmpty { found[name] = seen }
        }
        return found
    }

    /// A segment of the log without its whitening.
    private static func plain(_ segment: Data) -> Data {
        var bytes = [UInt8](segment)
        bytes.withUnsafeMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count / BlockFormat.blockBytes * BlockFormat.blockBytes, by: 4_096) {
                let block = Block(base: bytes.baseAddress! + start)
                let number = bytes.load(fromByteOffset: start + 16, as: UInt32.self)
                let place = bytes.load(fromByteOffset: start + 20, as: UInt32.self)
                let state = block.inspect(identity: nil, segment: SegmentNumber(number), block: Int(place))
                guard case .sound(let header, _) = state else { continue }
                block.whiten(identity: header.identity, segment: header.segment, block: header.block)
            }
        }
        return Data(bytes)
    }

    private func gone(_ words: [String], _ cluster: InProcessCluster) async throws -> Bool {
        if await cluster.eventually(40, { (try? self.traces(of: words, cluster))?.isEmpty == true }) { return true }
        Issue.record("\(try self.traces(of: words, cluster))")
        return false
    }

    private func texts(of channel: ChannelID, _ node: InProcessCluster.Member) async throws -> [String] {
        let answer = try await node.router.answer(
            .history(channel, viewer: self.alice, .newest, limit: 50), consistency: .linearizable)
        guard case .views(let views, _) = answer else { return ["\(answer)"] }
        return views.map(\.content.text)
    }

    @Test func `deleted and edited texts leave every file of a node in which nothing else happens`() async throws {
        let (cluster, node) = try await self.founded()
        let secret = try await self.post("tulip4711", to: self.lounge, node)
        let slip = try await self.post("oleander4712", to: self.lounge, node)
        _ = try await self.post("marigold4713", to: self.lounge, node)
        let before = MessageContent(text: self.text("oleander4712"), clientID: nil, thread: nil)
        _ = try await node.router.perform(
            .editMessage(
                slip, text: self.text("anemone4716"), mentions: [], broadcast: nil,
                MessageSnapshot(content: before, editedAt: nil, version: 0), by: self.alice, nil))
        let words = ["tulip4711", "oleander4712", "anemone4716"]
        // All of them in the log, and in the file as in a node that has run for a while.
        for folder in ["wal/", "shards/"] {
            #expect(
                await cluster.eventually {
                    let traces = (try? self.traces(of: words, cluster)) ?? [:]
                    return Set(traces.filter { $0.key.hasPrefix(folder) }.values.joined()) == Set(words)
                }, "the search finds nothing in \(folder)")
        }
        for message in [secret, slip] {
            let result = try await node.router.perform(
                .deleteMessage(message, asModerator: false, by: self.alice, nil))
            if case .refused(let refusal) = result { Issue.record("\(refusal)") }
        }
        #expect(try await self.gone(words, cluster))
        #expect(try await self.texts(of: self.lounge, node).contains(self.text("marigold4713")))
        await cluster.stop(1)
        let again = try await cluster.start(1)
        #expect(await cluster.eventually { again.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        let texts = try await self.texts(of: self.lounge, again)
        #expect(texts.contains(self.text("marigold4713")))
        _ = try await self.post("snowdrop4714", to: self.lounge, again)
        #expect(try await self.texts(of: self.lounge, again) == texts + [self.text("snowdrop4714")])
        try await cluster.finish()
    }

    @Test func `the last message of a silent channel goes when its time is over, and the channel goes on`() async throws
    {
        let (cluster, node) = try await self.founded()
        let silent = ChannelID(high: 77, low: 2)
        try await self.create(silent, node)
        _ = try await node.router.perform(
            .updateChannel(silent, ChannelPatch(retentionDays: .set(1)), by: self.alice, nil))
        _ = try await self.post("marigold4713", to: self.lounge, node)
        let last = try await self.post("crocus4715", to: silent, node)
        #expect(try self.traces(of: ["crocus4715"], cluster).keys.contains { $0.hasPrefix("wal/") })
        // Midnight after a day has passed.
        cluster.leap(milliseconds: 2 * 24 * 3_600 * 1_000)
        #expect(try await self.gone(["crocus4715"], cluster))
        #expect(try await self.texts(of: silent, node).isEmpty)
        #expect(try await self.texts(of: self.lounge, node) == [self.text("marigold4713")])
        guard
            case .events(let events, let head) = try await node.router.answer(
                .events(silent, viewer: self.alice, after: last.seq, limit: 10), consistency: .linearizable)
        else { Issue.record("no events"); return }
        #expect(events.isEmpty && head == last.seq)
        await cluster.stop(1)
        let again = try await cluster.start(1)
        #expect(await cluster.eventually { again.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        #expect(try await self.post("snowdrop4714", to: silent, again).seq == last.seq + 1)
        #expect(try await self.texts(of: silent, again) == [self.text("snowdrop4714")])
        try await cluster.finish()
    }
}
