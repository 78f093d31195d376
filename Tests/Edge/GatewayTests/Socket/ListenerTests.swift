import ClientProtocol
import ClusterModel
import NIOCore
import Testing

@testable import Gateway

/// What strangers do to the port.
@Suite struct ListenerTests {
    private static func status(_ request: String, _ scene: SocketScene) async throws -> Int? {
        let client = try await SocketTestClient.connect(port: scene.port)
        try await client.send(text: request)
        let head = try await client.readHead()
        await client.close()
        return Int(head.split(separator: " ")[1])
    }

    private func expect(_ code: Int, _ request: String, _ scene: SocketScene) async throws {
        let status = try await Self.status(request, scene)
        #expect(status == code, "\(request.prefix(60))")
    }

    @Test func `routes answer over HTTP and keep the connection`() async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            for _ in 0..<2 {
                try await client.send(text: "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                let head = try await client.readHead()
                #expect(head.contains("HTTP/1.1 200"))
                #expect(head.lowercased().contains("date: "))
            }
            await client.close()
        }
    }

    @Test(arguments: ["HEAD /talkative", "HEAD /hello", "GET /talkative/204", "GET /talkative/304"])
    func `an answer that has no body leaves the connection in step`(request: String) async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            // At once, and again after the answer: neither may find bytes of a body in front of the next answer.
            let line = "\(request) HTTP/1.1\r\nHost: x\r\n"
            try await client.send(text: "\(line)\r\n")
            #expect(try await client.readHead().hasPrefix("HTTP/1.1 "))
            try await client.send(text: "\(line)\r\n\(line)Connection: close\r\n\r\n")
            let rest = try await client.readToEnd()
            #expect(rest.hasPrefix("HTTP/1.1 ") && rest.hasSuffix("\r\n\r\n"), "\(rest)")
            let answers = rest.split(separator: "\r\n\r\n").map { $0.prefix(9) }
            #expect(answers == ["HTTP/1.1 ", "HTTP/1.1 "], "\(rest)")
        }
    }

    @Test func `a HEAD of an error says how long its body would be`() async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            try await client.send(text: "HEAD /talkative HTTP/1.1\r\nHost: x\r\n\r\n")
            let head = try await client.readHead().lowercased()
            #expect(head.contains("content-length: 2\r\n"), "\(head)")
            #expect(!head.contains("transfer-encoding"), "\(head)")
            await client.close()
        }
    }

    @Test(arguments: ["/ws", "/\(String(repeating: "a", count: 5_000))"])
    func `a HEAD that the listener refuses itself has no body, first or later`(path: String) async throws {
        try await SocketScene.run { scene in
            for earlier in ["", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let client = try await SocketTestClient.connect(port: scene.port)
                if !earlier.isEmpty {
                    try await client.send(text: earlier)
                    _ = try await client.readHead()
                }
                try await client.send(text: "HEAD \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                let reply = try await client.readToEnd()
                #expect(reply.hasSuffix("\r\n\r\n"), "\(reply)")
            }
        }
    }

    @Test func `requests that are no HTTP or too large are told so`() async throws {
        try await SocketScene.run { scene in
            try await self.expect(400, "GARBAGE\r\n\r\n", scene)
            try await self.expect(400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", scene)
            let fields = (0..<300).map { "X-\($0): 1\r\n" }.joined()
            try await self.expect(431, "GET /hello HTTP/1.1\r\nHost: x\r\n\(fields)\r\n", scene)
            let big = String(repeating: "a", count: 9 * 1024)
            try await self.expect(431, "GET /hello HTTP/1.1\r\nHost: x\r\nX: \(big)\r\n\r\n", scene)
            let block = (0..<40).map { "X-\($0): \(String(repeating: "a", count: 900))\r\n" }.joined()
            try await self.expect(431, "GET /hello HTTP/1.1\r\nHost: x\r\n\(block)\r\n", scene)
            let path = String(repeating: "a", count: 5_000)
            try await self.expect(414, "GET /\(path) HTTP/1.1\r\nHost: x\r\n\r\n", scene)
        }
    }

    @Test func `a later request on a connection has the same limits`() async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            try await client.send(text: "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await client.readHead().hasPrefix("HTTP/1.1 200"))
            let fields = (0..<300).map { "X-\($0): 1\r\n" }.joined()
            try await client.send(text: "GET /hello HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
            let reply = try await client.readToEnd()
            #expect(reply.contains("HTTP/1.1 431"), "\(reply)")
        }
    }

    @Test(arguments: [
        ("X: \(String(repeating: "a", count: 9 * 1024))", 431, "headers_too_large"), ("X X", 400, "malformed"),
    ])
    func `a later request that can not be parsed is told what is wrong, as a first one is`(
        field: String, status: Int, code: String
    ) async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            try await client.send(text: "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await client.readHead().hasPrefix("HTTP/1.1 200"))
            try await client.send(text: "GET /hello HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n")
            let reply = try await client.readToEnd()
            #expect(reply.contains("HTTP/1.1 \(status)"), "\(reply)")
            #expect(reply.contains("application/problem+json"), "\(reply)")
            #expect(reply.contains("Request-Id: req_"), "\(reply)")
            #expect(reply.contains("urn:roost:error:\(code)"), "\(reply)")
        }
    }

    @Test func `handshakes that are none are refused`() async throws {
        try await SocketScene.run { scene in
            let good = SocketTestClient.handshake()
            try await self.expect(426, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", scene)
            let old = good.replacing("Version: 13", with: "Version: 8")
            try await self.expect(426, old, scene)
            try await self.expect(400, good.replacing("GET", with: "POST"), scene)
            try await self.expect(400, good.replacing("dGhl", with: ""), scene)
            try await self.expect(400, good.replacing("Connection: Upgrade", with: "Connection: close"), scene)
            try await self.expect(403, SocketTestClient.handshake(headers: "Origin: https://evil.example\r\n"), scene)
            try await self.expect(403, SocketTestClient.handshake(headers: "Origin: null\r\n"), scene)
            try await self.expect(101, SocketTestClient.handshake(headers: "Origin: http://localhost\r\n"), scene)
        }
    }

    @Test func `compression is never agreed to`() async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            try await client.send(
                text: SocketTestClient.handshake(headers: "Sec-WebSocket-Extensions: permessage-deflate\r\n"))
            let head = try await client.readHead()
            #expect(head.hasPrefix("HTTP/1.1 101"))
            #expect(!head.lowercased().contains("extensions"))
            await client.close()
        }
    }

    @Test func `a frame in one packet with the handshake is not lost`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let client = try await SocketTestClient.connect(port: scene.port)
            let auth = try await scene.auth(anna)
            try await client.send(
                bytes: Array(SocketTestClient.handshake().utf8) + SocketTestClient.frame(Array(auth.utf8)))
            #expect(try await client.readHead().hasPrefix("HTTP/1.1 101"))
            #expect(try await client.read("ready").string("type") == "ready")
            await client.close()
        }
    }

    @Test func `another upgrade is answered as plain HTTP and closed`() async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.connect(port: scene.port)
            try await client.send(
                text: "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            let reply = try await client.readToEnd()
            #expect(reply.hasPrefix("HTTP/1.1 200"))
            #expect(reply.lowercased().contains("connection: close"))
        }
    }

    @Test func `a head that does not come in time is a 408`() async throws {
        try await SocketScene.run({ $0.limits.headTimeout = .milliseconds(150) }) { scene in
            try await self.expect(408, "GET /hel", scene)
        }
    }

    @Test func `connections over the bound get a 503`() async throws {
        try await SocketScene.run({ $0.limits.connectionsPerAddressMax = 2 }) { scene in
            let first = try await SocketTestClient.open(port: scene.port)
            let second = try await SocketTestClient.open(port: scene.port)
            let third = try await SocketTestClient.connect(port: scene.port)
            #expect(try await third.readHead().hasPrefix("HTTP/1.1 503"))
            await first.close()
            await second.close()
        }
    }

    @Test func `silence after the handshake is 4401`() async throws {
        try await SocketScene.run({ $0.socket.authMilliseconds = 100 }) { scene in
            let client = try await SocketTestClient.open(port: scene.port)
            #expect(try await client.readClose() == 4_401)
        }
    }

    @Test(
        arguments: [
            ([0x81, 0x01, 0x61], 1_002), ([0xC1, 0x80, 0, 0, 0, 0], 1_002), ([0x82, 0x80, 0, 0, 0, 0], 1_003),
            ([0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1], 1_009), ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1_007),
            ([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1_002), ([0x81, 0x81, 0, 0, 0, 0, 0x5B], 4_400),
        ] as [([UInt8], UInt16)])
    func `bytes that break the rules get their close code and the end of the connection`(
        bytes: [UInt8], code: UInt16
    ) async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.open(port: scene.port)
            try await client.send(bytes: bytes)
            #expect(try await client.readClose() == code)
            try await client.waitForEnd()
        }
    }

    @Test func `a close without an answer ends the connection all the same`() async throws {
        try await SocketScene.run { scene in
            let client = try await SocketTestClient.open(port: scene.port)
            try await client.send(bytes: SocketTestClient.frame(opcode: 8, [0x03, 0xE8]))
            #expect(try await client.readClose() == 1_000)
            try await client.waitForEnd()
        }
    }

    @Test func `a flood of pings is 4029 and leaves others alone`() async throws {
        try await SocketScene.run { scene in
            let anna = scene.service.addUser("anna")
            let ben = scene.service.addUser("ben")
            let (flooder, _) = try await scene.enter(anna)
            let (other, _) = try await scene.enter(ben)
            let ping = SocketTestClient.frame(Array(#"{"type":"ping"}"#.utf8))
            for _ in 0..<20 { try? await flooder.send(bytes: (0..<100).flatMap { _ in ping }) }
            #expect(try await flooder.readClose() == 4_029)
            try await other.say(#"{"type":"ping","ref":1}"#)
            #expect(try await other.readFrame().type == "pong")
            await other.close()
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `random bytes never take the listener down`(seed: UInt64) async throws {
        try await SocketScene.run { scene in
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<10 {
                let client = try await SocketTestClient.connect(port: scene.port)
                let isSocket = Bool.random(using: &generator)
                if isSocket { try await client.send(text: SocketTestClient.handshake()) }
                let bytes = (0..<Int.random(in: 1...2_000, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                try? await client.send(bytes: bytes)
                await client.close()
            }
            try await self.expect(200, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", scene)
        }
    }
}
