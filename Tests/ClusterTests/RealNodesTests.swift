import ClusterHarness
import Testing

/// Real processes, real time: the few tests that may wait. Breadth is in Tests/ThirdParty.
@Suite(.serialized, .enabled(if: ProcessCluster.binary != nil, "the roost executable is not built"))
struct RealNodesTests {
    @Test(.timeLimit(.minutes(3)))
    func `one node alone founds at once and keeps what it acknowledged through a kill`() async throws {
        let cluster = try ProcessCluster(size: 1)
        try await cluster.start()
        let node = cluster.nodes[0]
        let ada = try await TestPerson(named: "ada", on: node)
        let channel = try #require(
            try await ada.post("/v1/channels", ["name": "harbour", "type": "public"], on: node)["id"])
        var said: [String] = []
        for word in ["one", "two", "three"] {
            let answer = try await ada.post("/v1/messages", ["channel_id": channel, "text": word], on: node)
            #expect(answer.status == 202)
            said.append(try #require(answer["id"]))
        }
        node.kill()
        try node.start()
        try await node.waitReady()
        #expect(try await ada.get("/v1/messages?channel_id=\(channel)", on: node).items("id") == said)
    }

    @Test(.timeLimit(.minutes(5)))
    func `three nodes tell one history while each of them is killed in turn`() async throws {
        let cluster = try ProcessCluster(size: 3)
        try await cluster.start()
        let ada = try await TestPerson(named: "ada", on: cluster.nodes[0])
        try #require(try await ada.waitForVoters(3, on: cluster.nodes[0]))
        let channel = try #require(
            try await ada.post("/v1/channels", ["name": "harbour", "type": "public"], on: cluster.nodes[1])["id"])
        var said: [String] = []
        for (round, victim) in cluster.nodes.enumerated() {
            victim.kill()
            for word in 0..<5 {
                said.append(
                    try await self.say(
                        "word \(round).\(word)", key: "key-\(round)-\(word)", in: channel, as: ada,
                        through: cluster.nodes.filter { $0 !== victim }))
            }
            try victim.start()
            try await victim.waitReady()
        }
        for node in cluster.nodes {
            #expect(try await ada.get("/v1/messages?channel_id=\(channel)", on: node).items("id") == said)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a node that is asked to stop is gone within thirty seconds`() async throws {
        let cluster = try ProcessCluster(size: 1)
        try await cluster.start()
        #expect(try await cluster.nodes[0].terminate(within: .seconds(30)) == 0)
    }

    /// Sends one message through whichever node takes it, always under the same key, for at most 20 s.
    private func say(
        _ text: String, key: String, in channel: String, as person: TestPerson, through nodes: [NodeProcess]
    ) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(20)
        var turn = 0
        var last = 0
        while ContinuousClock.now < deadline {
            let body = ["channel_id": channel, "text": text, "client_id": key]
            let answer = try await person.post("/v1/messages", body, on: nodes[turn % nodes.count])
            if answer.status == 202 { return try #require(answer["id"]) }
            last = answer.status
            turn += 1
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("\(text) was not taken within 20 s; the last status was \(last)")
        return ""
    }
}
