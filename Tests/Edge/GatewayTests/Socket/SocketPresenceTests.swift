import ChatModel
import ClientProtocol
import ClusterModel
import Synchronization
import Testing

@testable import Gateway

/// Presence, typing and notices over real sockets with a fake cluster behind.
@Suite struct SocketPresenceTests {
    @Test func `a watcher gets the present state with its answer and changes after it, until it watches others`()
        async throws
    {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let (watcher, ready) = try await scene.enter(anna)
            #expect(ready["presence"] == .bool(true))
            try await watcher.say(#"{"type":"presence.watch","ref":1,"user_ids":["\#(ben)","nobody"]}"#)
            let items = try await watcher.read("ok")["items"]?.asArray?.compactMap(\.asObject) ?? []
            #expect(items.map { $0.string("status") } == ["offline"])
            let (device, _) = try await scene.enter(ben)
            #expect(try await watcher.read("presence.changed").string("status") == "online")
            try await device.say(#"{"type":"presence.set","ref":2,"status":"away"}"#)
            _ = try await device.read("ok")
            #expect(try await watcher.read("presence.changed").string("status") == "away")
            try await watcher.say(#"{"type":"presence.watch","ref":3,"user_ids":[]}"#)
            #expect(try await watcher.read("ok")["items"]?.asArray?.isEmpty == true)
            #expect(scene.service.people.state.withLock { $0.watched.isEmpty })
            await device.close()
            await watcher.close()
        }
    }

    @Test func `a person is online while one of its sockets is awake, and away when none is`() async throws {
        try await SocketScene.run { settings in
            settings.socket.idleMilliseconds = 300
            settings.socket.heartbeatMilliseconds = 400
        } _: { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let (watcher, _) = try await scene.enter(anna)
            let (device, _) = try await scene.enter(ben)
            try await watcher.say(#"{"type":"presence.watch","ref":1,"user_ids":["\#(ben)"]}"#)
            _ = try await watcher.read("ok")
            var status: String?
            for _ in 0..<30 where status != "away" {
                try await watcher.say(#"{"type":"ping"}"#)
                try await device.say(#"{"type":"ping"}"#)
                let frame = try await watcher.readFrame()
                if frame.type == "presence.changed" { status = frame.json?.string("status") }
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(status == "away")
            let nowhere = ChannelID(high: 3, low: 4)
            try await device.say(#"{"type":"fetch","ref":2,"channel_id":"\#(nowhere)","after":0}"#)
            #expect(try await watcher.read("presence.changed").string("status") == "online")
            await device.close()
            // It may have fallen asleep once more.
            for _ in 0..<2 where status != "offline" {
                status = try await watcher.read("presence.changed").string("status")
            }
            #expect(status == "offline")
            await watcher.close()
        }
    }

    @Test func `typing is told to the others once in two seconds, and never to the typist or to strangers`()
        async throws
    {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let stranger = scene.service.addUser("stranger")
            let general = scene.service.addChannel("general", of: [anna, ben])
            let (typist, _) = try await scene.enter(anna)
            let (second, _) = try await scene.enter(anna, session: 2)
            let (reader, _) = try await scene.enter(ben)
            let (outsider, _) = try await scene.enter(stranger)
            for ref in 1...3 {
                try await typist.say(#"{"type":"typing.start","ref":\#(ref),"channel_id":"\#(general)"}"#)
                #expect(try await typist.readFrame().type == "ok")
            }
            let note = try await reader.read("typing")
            #expect(note.string("user_id") == anna.description)
            #expect(note.string("channel_id") == general.description)
            try await typist.say(#"{"type":"typing.stop","ref":4,"channel_id":"\#(general)"}"#)
            #expect(try await typist.readFrame().type == "ok")
            #expect(try await reader.read("typing")["stopped"] == .bool(true))
            try await outsider.say(#"{"type":"typing.start","ref":5,"channel_id":"\#(general)"}"#)
            #expect(try await outsider.read("error").string("code") == "not_found")
            #expect(scene.service.people.state.withLock { $0.notes.count } == 2)
            try await second.say(#"{"type":"ping"}"#)
            #expect(try await second.readFrame().type == "pong")
            for client in [typist, second, reader, outsider] { await client.close() }
        }
    }

    @Test func `notices that say something by themselves reach every device of their person`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna])
            let (one, _) = try await scene.enter(anna)
            let (other, _) = try await scene.enter(anna, session: 2)
            let message = MessageID(channel: general, seq: 1)
            scene.service.notify(
                anna, .readUpdated(ReadState(channel: general, readSeq: 4, unread: 2, mentions: 1)))
            scene.service.notify(anna, .threadReadUpdated(message, seq: 3, unread: 1))
            scene.service.notify(
                anna,
                .notificationCreated(
                    NotificationRecord(
                        number: 7, kind: .mention, message: message, actor: ben, text: "", at: .zero, isQuiet: false)))
            scene.service.notify(anna, .settingsUpdated)
            scene.service.notify(anna, .draftUpdated(general))
            for client in [one, other] {
                let read = try await client.read("read.updated")
                #expect(read.int("read_seq") == 4 && read.int("unread") == 2 && read.int("mentions") == 1)
                #expect(try await client.read("thread.read").string("message_id") == message.description)
                let notification = try await client.read("notification.created")["notification"]?.asObject
                #expect(notification?.string("id") == "ntf_7")
                #expect(notification?.string("type") == "mention")
                #expect(notification?.string("channel_id") == general.description)
                #expect(notification?["read"] == .bool(false))
                #expect(try await client.readFrame().type == "settings.updated")
                #expect(try await client.read("draft.updated").string("channel_id") == general.description)
                await client.close()
            }
        }
    }
}
