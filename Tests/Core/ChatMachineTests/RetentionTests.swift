import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct RetentionTests {
    private static let day: Int64 = 24 * 3600 * 1000

    @Test func `messages older than the channel keeps them go, and their numbers do not come back`() throws {
        var rig = Rig.withRooms()
        rig.apply(.updateChannel(general, ChannelPatch(retentionDays: .set(2)), by: actor(ada), nil))
        for _ in 1...5 {
            rig.apply(.postMessage(general, content("old"), by: actor(ada), nil))
            rig.pass(milliseconds: 1000)
        }
        #expect(try rig.restored() == rig.machine)
        let due = try #require(rig.machine.nextTimer)
        #expect(due.milliseconds % Self.day == 0)
        // The log's time rises by a day at most with each command.
        for _ in 1...2 { rig.tick(milliseconds: Self.day) }
        rig.now = due
        rig.apply(.timersDue)
        // Eight events, and none stays: the floor says where the channel stands.
        let index = try #require(rig.machine.channels[general]?.index)
        #expect(index.floor == 8 && index.head == 8 && rig.machine.nextTimer == nil)
        #expect(try rig.restored() == rig.machine)
        #expect(
            rig.answer(.message(MessageID(channel: general, seq: 7), viewer: actor(ada)))
                == .answer(.refused(.notFound)))
        #expect(rig.apply(.postMessage(general, content("new"), by: actor(ada), nil)).event?.seq == 9)
        #expect(rig.machine.nextTimer != nil)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a silent channel's last message goes too, and the channel stands where it stood`() throws {
        // As many events as fill a block of the index, one less and one more: the next one begins a block, or does not.
        for extra in 0...2 as ClosedRange<UInt64> {
            var rig = Rig.withRooms()
            rig.apply(.updateChannel(general, ChannelPatch(retentionDays: .set(1)), by: actor(ada), nil))
            let first = try #require(rig.machine.head(of: general))
            while try #require(rig.machine.head(of: general)) < 255 + extra {
                rig.apply(.postMessage(general, content("old"), by: actor(ada), nil))
            }
            let head = 255 + extra
            #expect(first < head)
            for _ in 1...2 { rig.tick(milliseconds: Self.day) }
            rig.apply(.timersDue)
            let index = try #require(rig.machine.channels[general]?.index)
            #expect(index.floor == head && index.head == head && index.isEmpty)
            #expect(rig.machine.head(of: general) == head && rig.machine.nextTimer == nil)
            #expect(try rig.restored() == rig.machine)
            // Who resumes at the head hears nothing; who resumes before it learns where the channel stands.
            #expect(
                rig.answer(.events(general, viewer: actor(ada), after: head, limit: 10))
                    == .answer(.events([], head: head)))
            #expect(index.messages(after: 0) == 0 && index.messages(after: head) == 0)
            for next in 1...3 as ClosedRange<UInt64> {
                let posted = rig.apply(.postMessage(general, content("new"), by: actor(ada), nil))
                #expect(posted.event?.seq == head + next)
                #expect(rig.machine.nextTimer != nil)
                #expect(try rig.restored() == rig.machine)
            }
            #expect(rig.machine.channels[general]?.index.messages(after: head) == 3)
        }
    }

    @Test func `the workspace's rule holds where a channel has none, and the newest one wins`() throws {
        var rig = Rig.withRooms()
        rig.apply(.postMessage(general, content("old"), by: actor(ada), nil))
        func copy(_ days: UInt32?, _ version: UInt64) -> WorkspaceCopy {
            WorkspaceCopy(retentionDays: days, broadcastRight: .everyone, editWindowSeconds: nil, version: version)
        }
        var sent: UInt64 = 0
        func send(_ copy: WorkspaceCopy) {
            sent += 1
            rig.apply(
                .applyEffect(
                    OutboxEntry(
                        source: .directory, position: OutboxPosition(index: LogIndex(sent), ordinal: 0),
                        target: .shard(rig.machine.shard), effect: .workspaceChanged(copy))))
        }
        send(copy(30, 2))
        let due = try #require(rig.machine.nextTimer)
        send(copy(1, 1))
        #expect(rig.machine.nextTimer == due)
        send(copy(nil, 3))
        #expect(rig.machine.nextTimer == nil)
        send(copy(7, 4))
        #expect(try rig.restored() == rig.machine)
        rig.apply(.updateChannel(general, ChannelPatch(retentionDays: .set(90)), by: actor(ada), nil))
        func ofGeneral() throws -> Timestamp {
            let entry = try #require(rig.machine.channels[general])
            return try #require(entry.retentionDue(rig.machine.workspaceCopy?.retentionDays))
        }
        #expect(try ofGeneral() > due)
        rig.apply(.updateChannel(general, ChannelPatch(retentionDays: .clear), by: actor(ada), nil))
        #expect(try ofGeneral() < due && rig.machine.nextTimer == ofGeneral())
        #expect(try rig.restored() == rig.machine)
    }
}
