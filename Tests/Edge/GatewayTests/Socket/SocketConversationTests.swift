import ChatModel
import ClientProtocol
import ClusterModel
import Synchronization
import Testing

@testable import Gateway

/// Whole conversations over loopback with a fake cluster behind.
@Suite struct SocketConversationTests {
    @Test func `ready names the user, the node and the own channels with where they stand`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna, ben])
            _ = scene.service.addChannel("others", of: [ben])
            let (client, ready) = try await scene.enter(anna)
            #expect(ready.int("heartbeat_ms") == 30_000)
            #expect(ready.string("node_id") == scene.service.nodeID.description)
            #expect(ready["user"]?.asObject?.string("username") == "anna")
            let channels = ready["channels"]?.asArray?.compactMap(\.asObject) ?? []
            #expect(channels.map { $0.string("id") } == [general.description])
            #expect(channels.first?.int("seq") == 2)
            await client.close()
        }
    }

    @Test func `a message is acknowledged, reaches every member once, and only its author sees the client id`()
        async throws
    {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna, ben])
            let (first, _) = try await scene.enter(anna)
            let (second, _) = try await scene.enter(ben)
            let send = #"{"type":"send","ref":"a","channel_id":"\#(general)","text":"hello","client_id":"one"}"#
            try await first.say(send)
            try await first.say(send)
            var seen: [String] = []
            for _ in 0..<3 { seen.append(try await first.readFrame().type ?? "") }
            #expect(seen.sorted() == ["message.created", "ok", "ok"])
            let event = try await second.read("message.created")
            #expect(event.int("seq") == 3)
            #expect(event["message"]?.asObject?.string("text") == "hello")
            #expect(event["message"]?.asObject?["client_id"] == nil)
            try await first.say(#"{"type":"send","ref":"b","channel_id":"\#(general)","text":"x","client_id":"one"}"#)
            #expect(try await first.read("error").string("code") == "idempotency_key_reused")
            await first.close()
            await second.close()
        }
    }

    @Test func `many messages arrive gapless and in order, also when the feed loses some`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let general = scene.service.addChannel("general", of: [anna])
            let (client, _) = try await scene.enter(anna)
            for number in 1...400 {
                if number % 50 == 0 { scene.service.state.withLock { $0.eventsToLose = 3 } }
                scene.service.post("\(number)", in: general, by: anna)
            }
            // A gap shows when something comes after it.
            scene.service.state.withLock { $0.eventsToLose = 0 }
            scene.service.post("last", in: general, by: anna)
            for seq in 2...402 as ClosedRange<Int64> {
                #expect(try await client.read("message.created").int("seq") == seq)
            }
            await client.close()
        }
    }

    @Test func `resume brings what was missed in order and then what is live`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna, ben])
            let (other, _) = try await scene.enter(ben)
            for number in 1...600 { scene.service.post("\(number)", in: general, by: ben) }
            let foreign = ChannelID(high: 1, low: 1)
            let (client, _) = try await scene.enter(anna, resume: #"{"\#(general)":40,"\#(foreign)":3}"#)
            scene.service.post("live", in: general, by: ben)
            for seq in 41...603 as ClosedRange<Int64> {
                #expect(try await client.read("message.created").int("seq") == seq)
            }
            await client.close()
            await other.close()
        }
    }

    @Test(arguments: ["-1", "99", "1e400", "99999999999999999999"])
    func `an impossible resume point is a reset to the head`(seq: String) async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let general = scene.service.addChannel("general", of: [anna])
            guard seq != "1e400" else { return }
            let (client, _) = try await scene.enter(anna, resume: #"{"\#(general)":\#(seq)}"#)
            let reset = try await client.read("channel.reset")
            #expect(reset.int("seq") == 1)
            scene.service.post("live", in: general, by: anna)
            #expect(try await client.read("message.created").int("seq") == 2)
            await client.close()
        }
    }

    @Test func `the own removal is the last that is heard of a channel, and a return begins anew`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna, ben])
            let (client, _) = try await scene.enter(anna)
            scene.service.remove(anna, from: general)
            for _ in 0..<20 { scene.service.post("behind her back", in: general, by: ben) }
            #expect(try await client.readFrame().type == "member.left")
            #expect(try await client.readFrame().type == "channel.left")
            try await client.say(#"{"type":"ping","ref":1}"#)
            #expect(try await client.readFrame().type == "pong")
            scene.service.join(anna, general)
            let joined = try await client.read("channel.joined")
            #expect(joined["channel"]?.asObject?.int("seq") == 24)
            scene.service.post("welcome", in: general, by: ben)
            #expect(try await client.readFrame().json?.int("seq") == 25)
            await client.close()
        }
    }

    @Test func `who joins while connected hears of the channel and then its events`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let secret = scene.service.addChannel("secret", of: [ben], type: .private)
            let (client, _) = try await scene.enter(anna)
            scene.service.join(anna, secret)
            scene.service.post("hi", in: secret, by: ben)
            let joined = try await client.read("channel.joined")
            #expect(joined["channel"]?.asObject?.int("seq") == 2)
            #expect(try await client.read("message.created").int("seq") == 3)
            await client.close()
        }
    }

    @Test func `fetch, unsubscribe and subscribe answer with events and seqs`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna, ben])
            let secret = scene.service.addChannel("secret", of: [ben], type: .private)
            let (client, _) = try await scene.enter(anna)
            try await client.say(#"{"type":"fetch","ref":1,"channel_id":"\#(general)","after":1,"limit":5}"#)
            let fetched = try await client.read("ok")
            #expect(fetched["events"]?.asArray?.count == 1)
            try await client.say(#"{"type":"fetch","ref":2,"channel_id":"\#(secret)","after":0}"#)
            #expect(try await client.read("error").string("code") == "not_found")
            try await client.say(#"{"type":"unsubscribe","ref":3,"channel_ids":["\#(general)"]}"#)
            _ = try await client.read("ok")
            scene.service.post("unheard", in: general, by: ben)
            try await client.say(#"{"type":"subscribe","ref":4,"channel_ids":["\#(general)"]}"#)
            let ok = try await client.readFrame().json
            #expect(ok?.int("ref") == 4)
            #expect(ok?["seqs"]?.asObject?.int(general.description) == 3)
            try await client.say(#"{"type":"subscribe","ref":5,"channel_ids":["\#(general)","\#(secret)"]}"#)
            #expect(try await client.read("error").string("code") == "not_found")
            scene.service.post("heard", in: general, by: ben)
            #expect(try await client.readFrame().json?.int("seq") == 4)
            await client.close()
        }
    }

    @Test func `a revoked session is closed with 4403, by its notice or by the directory alone`() async throws {
        for quietly in [false, true] {
            try await SocketScene.run { scene in
                let anna = scene.service.addUser("anna")
                let (client, _) = try await scene.enter(anna)
                let (other, _) = try await scene.enter(anna, session: 2)
                scene.service.revoke(scene.actor(anna).session, of: anna, quietly: quietly)
                #expect(try await client.readClose() == 4_403)
                try await other.say(#"{"type":"ping","ref":1}"#)
                #expect(try await other.readFrame().type == "pong")
                await other.close()
                let late = try await SocketTestClient.open(port: scene.port)
                try await late.say(scene.auth(anna))
                #expect(try await late.readClose() == 4_403)
            }
        }
    }

    @Test func `the seventeenth socket of a session ends the first with 1008`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            var clients: [SocketTestClient] = []
            for _ in 0..<17 { clients.append(try await scene.enter(anna).client) }
            #expect(try await clients[0].readClose() == 1_008)
            try await clients[1].say(#"{"type":"ping","ref":1}"#)
            #expect(try await clients[1].readFrame().type == "pong")
            for client in clients { await client.close() }
        }
    }

    @Test func `an Authorization header signs in without a frame`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let token = try await scene.token(anna)
            let client = try await SocketTestClient.open(
                port: scene.port, headers: "Authorization: Bearer \(token)\r\n")
            #expect(try await client.read("ready").string("session_id") != nil)
            await client.close()
        }
    }

    @Test func `shards that do not answer mean 1013`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            scene.service.state.withLock { $0.isUnavailable = true }
            let client = try await SocketTestClient.open(port: scene.port)
            try await client.say(scene.auth(anna))
            #expect(try await client.readClose() == 1_013)
        }
    }

    @Test func `a drain sends sockets elsewhere with 1001 and a stop says 1012`() async throws {
        try await SocketScene.run({ $0.socket.drainMilliseconds = 200 }) { scene in
            let anna = scene.service.addUser("anna")
            let (client, _) = try await scene.enter(anna)
            async let drained: Void = scene.server.drain()
            #expect(try await client.read("reconnect").int("delay_ms") != nil)
            #expect(try await client.readClose() == 1_001)
            await drained
        }
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let (client, _) = try await scene.enter(anna)
            async let stopped: Void = scene.server.stop()
            #expect(try await client.readClose() == 1_012)
            await stopped
        }
    }

    @Test func `who does not read is closed with 4000, hurts nobody, and resumes where it stood`() async throws {
        try await SocketScene.run({
            $0.socket.slowMilliseconds = 300
            $0.socket.closeMilliseconds = 4_000
            $0.rateLimits = false
        }) { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let general = scene.service.addChannel("general", of: [anna, ben])
            let (slow, _) = try await scene.enter(anna, reads: false, receiveBuffer: 4_096)
            let (fast, _) = try await scene.enter(ben)
            let text = String(repeating: "x", count: 8_000)
            for number in 3...302 as ClosedRange<Int64> {
                scene.service.post(text, in: general, by: ben)
                #expect(try await fast.read("message.created").int("seq") == number)
            }
            // For a second the fast one talks on; the slow one is found out meanwhile.
            let end = ContinuousClock.now + .seconds(1)
            while ContinuousClock.now < end {
                try await fast.say(#"{"type":"ping","ref":1}"#)
                _ = try await fast.read("pong")
            }
            try await slow.setReading(true)
            var last: Int64 = 2
            while true {
                let frame = try await slow.readFrame()
                if frame.opcode == 8 {
                    #expect(frame.closeCode == 4_000)
                    break
                }
                guard let seq = frame.json?.int("seq") else { continue }
                #expect(seq == last + 1)
                last = seq
            }
            #expect(last < 302)
            let (again, _) = try await scene.enter(anna, resume: #"{"\#(general)":\#(last)}"#)
            for seq in (last + 1)...302 { #expect(try await again.read("message.created").int("seq") == seq) }
            await again.close()
            await fast.close()
        }
    }
}
