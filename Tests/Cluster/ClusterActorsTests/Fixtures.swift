import ClusterModel
import Distributed
import Logging
import PeerTransport
import Synchronization

@testable import ClusterActors

struct Line: Wire, Equatable {
    var text: String
    func encode(into writer: inout ByteWriter) { writer.write(self.text) }
    init(from reader: inout ByteReader) throws(WireError) { self.text = try reader.read(String.self) }
    init(_ text: String) { self.text = text }
}

struct Number: Wire, Equatable {
    var value: UInt64
    func encode(into writer: inout ByteWriter) { writer.write(self.value) }
    init(from reader: inout ByteReader) throws(WireError) { self.value = try reader.read() }
    init(_ value: UInt64) { self.value = value }
}

enum RoomError: ApplicationError, Equatable {
    case full(limit: Int)
    var code: UInt16 { 7 }
    var detail: String { if case .full(let limit) = self { "\(limit)" } else { "" } }
    init?(code: UInt16, detail: String) {
        guard code == 7, let limit = Int(detail) else { return nil }
        self = .full(limit: limit)
    }
}

struct Unknown: Error {}

/// Opens once; who waits before waits.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = self.state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
    func open() {
        let waiters = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

distributed actor Room {
    typealias ActorSystem = ClusterActorSystem
    private let gate = Gate()
    private(set) var notes: [UInt64] = []
    private(set) var outOfOrderCount = 0

    distributed func say(_ line: Line) async throws -> Line { Line(line.text + "!") }
    distributed func refuse(_ line: Line) async throws -> Line { throw RoomError.full(limit: 3) }
    distributed func fail(_ line: Line) async throws { throw Unknown() }
    distributed func note(_ number: Number) async throws {
        if number.value != (self.notes.last ?? 0) + 1 { self.outOfOrderCount += 1 }
        self.notes.append(number.value)
    }
    distributed func noted() async throws -> Number { Number(UInt64(self.outOfOrderCount << 32 | self.notes.count)) }
    distributed func wait(_ line: Line) async throws -> Line {
        await self.gate.wait()
        return line
    }
    distributed func open(_ line: Line) async throws { self.gate.open() }
    distributed func big(_ number: Number) async throws -> Line {
        Line(String(repeating: "x", count: Int(number.value)))
    }
    distributed func unlisted(_ line: Line) async throws {}
}

distributed actor Lobby {
    typealias ActorSystem = ClusterActorSystem
}

extension CallTarget {
    private static func room(_ number: UInt16, _ method: String, _ delivery: Delivery) -> CallTarget {
        CallTarget(
            number: number, kind: .room, name: "ClusterActorsTests.Room.\(method)", delivery: delivery)
    }
    static let say = room(65_001, "say(_:)", .call)
    static let refuse = room(65_002, "refuse(_:)", .call)
    static let fail = room(65_003, "fail(_:)", .call)
    static let note = room(65_004, "note(_:)", .oneWay)
    static let noted = room(65_005, "noted()", .call)
    static let wait = room(65_006, "wait(_:)", .concurrentCall)
    static let open = room(65_007, "open(_:)", .call)
    static let big = room(65_008, "big(_:)", .call)
    static let batch = room(65_009, "direct", .direct)
    static let orphan = room(65_010, "orphan", .call)
    static let look = room(65_011, "look", .directCall)
}

extension ActorKind {
    static let room = ActorKind(rawValue: 65_000)
}

extension CallTable {
    static let test = CallTable([.say, .refuse, .fail, .note, .noted, .wait, .open, .big, .batch, .orphan, .look])
}

extension ClusterActorSystem {
    func registerRoom() {
        self.register(.say, on: Room.self) { room, line in try await room.say(line) as Line }
        self.register(.refuse, on: Room.self) { room, line in try await room.refuse(line) as Line }
        self.register(.fail, on: Room.self) { room, line in try await room.fail(line) }
        self.register(.note, on: Room.self) { room, number in try await room.note(number) }
        self.register(.noted, on: Room.self) { room in try await room.noted() }
        self.register(.wait, on: Room.self) { room, line in try await room.wait(line) as Line }
        self.register(.open, on: Room.self) { room, line in try await room.open(line) }
        self.register(.big, on: Room.self) { room, number in try await room.big(number) as Line }
    }
}

/// Ada calls, Grace has the room.
struct Pair {
    static let ada = NodeID(high: 0xADA, low: 1)
    static let grace = NodeID(high: 0x62ACE, low: 1)
    static let address = ActorAddress(node: grace, kind: .room, instance: 7)
    static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    let network = LoopbackNetwork()
    let ada: ClusterActorSystem
    let grace: ClusterActorSystem
    let local: Room
    let remote: Room

    init(table: CallTable = .test, settings: ClusterActorSettings = .init()) throws {
        func system(_ node: NodeID, _ network: LoopbackNetwork) -> ClusterActorSystem {
            let system = ClusterActorSystem(
                node: node, link: network.link(of: node), table: table, settings: settings, logger: Self.quiet)
            system.registerRoom()
            network.attach(system, as: node)
            system.start()
            return system
        }
        let grace = system(Self.grace, self.network)
        self.grace = grace
        self.ada = system(Self.ada, self.network)
        self.local = grace.host(.room, instance: 7) { Room(actorSystem: grace) }
        self.remote = try self.ada.reference(to: Room.self, at: Self.address)
    }

    func end() async {
        await self.ada.shutdown()
        await self.grace.shutdown()
    }
}
