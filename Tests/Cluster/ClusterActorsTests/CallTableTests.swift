import ClusterModel
import PeerTransport
import Testing

@testable import ClusterActors

@Suite struct CallTableTests {
    /// What every released node understands. Lines may be added; a line that has to be changed is a new number.
    private static let golden = """
        1 kind 3 direct control replication.raft.control
        2 kind 3 direct append replication.raft.append
        3 kind 3 direct bulk replication.raft.bulk
        4 kind 3 directCall calls Routing.PersistenceActor.read(_:)
        5 kind HOST concurrentCall calls Routing.HostActor.groups()
        7 kind HOST concurrentCall calls Routing.HostActor.rebuildIndices()
        8 kind HOST concurrentCall calls Routing.HostActor.find(_:)
        100 kind 2 oneWay calls Routing.RoutingActor.submit(_:)
        101 kind 2 oneWay calls Routing.RoutingActor.results(_:)
        200 kind 1 oneWay calls Routing.ConnectionActor.deliver(_:)
        201 kind 1 oneWay calls Routing.ConnectionActor.interest(_:)
        300 kind 8 direct control membership.gossip
        301 kind 8 concurrentCall calls Routing.MembershipActor.join(_:)
        302 kind 8 concurrentCall calls Routing.MembershipActor.deadMembers()
        400 kind 10 oneWay calls Routing.PresenceActor.report(_:)
        401 kind 10 oneWay calls Routing.PresenceActor.watch(_:)
        402 kind 10 oneWay calls Routing.PresenceActor.update(_:)
        403 kind 10 oneWay calls Routing.PresenceActor.typing(_:)
        404 kind 10 concurrentCall calls Routing.PresenceActor.ask(_:)
        """

    @Test func `numbers keep their meaning`() {
        let table = CallTable.roost.targets.map {
            "\($0.number) kind \($0.kind.rawValue) \($0.delivery) \($0.connection) \($0.name)"
        }
        let known = Self.golden.replacing("HOST", with: "\(ActorKind.host.rawValue)").split(separator: "\n").map(
            String.init)
        for line in known { #expect(table.contains(line), "changed or gone: \(line)") }
        for line in table { #expect(known.contains(line), "add to the golden table: \(line)") }
    }

    @Test func `targets are found by number and by name`() {
        for target in CallTable.roost.targets {
            #expect(CallTable.roost[target.number] == target)
            #expect(CallTable.roost[target.name] == target)
        }
        #expect(CallTable.roost[0] == nil)
        #expect(CallTable.roost["Swift.String"] == nil)
    }
}

@Suite struct CallMessageTests {
    private let heads: [CallMessage.Head] = [
        .call(id: 300, target: 4, instance: 127, millisecondsLeft: 5_000), .oneWay(target: 65_535, instance: .max),
        .answer(id: 0), .failure(id: 9, .unreachable), .failure(id: 9, .deadlineExceeded),
        .failure(id: 9, .unknownTarget),
        .failure(id: 9, .unknownActor), .failure(id: 9, .badArgument), .failure(id: 9, .overloaded),
        .failure(id: 9, .tooLarge), .failure(id: 9, .application(code: 7, detail: "full")),
    ]

    @Test func `heads survive their bytes and the argument stands behind them`() throws {
        for head in self.heads {
            let message = CallMessage.message(head, [1, 2, 3])
            var reader = ByteReader(message)
            #expect(try CallMessage.readHead(&reader) == head)
            #expect(Array(message[reader.position...]) == [1, 2, 3])
        }
    }

    @Test func `every truncation is refused`() {
        for head in self.heads {
            let message = CallMessage.message(head)
            for count in 0..<message.count {
                #expect(throws: WireError.self) {
                    var reader = ByteReader(Array(message.prefix(count)))
                    return try CallMessage.readHead(&reader)
                }
            }
        }
    }

    @Test func `a detail is cut at a character`() throws {
        let long = CallError.application(code: 1, detail: String(repeating: "é", count: 400))
        guard case .application(1, let detail) = try CallError(encoded: long.encoded) else {
            Issue.record("another error")
            return
        }
        #expect(detail == String(repeating: "é", count: 256))
    }
}
