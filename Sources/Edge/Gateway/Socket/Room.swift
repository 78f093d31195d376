import ChatModel
import ClusterModel
import Fanout
import NIOCore

/// One channel's readers on one event loop. Touched on that loop only.
///
/// A reader is a socket and a cursor: the seq of the last event it was given. An event goes to whoever stands just
/// before it; who stands further back is left to catch up by itself, so nothing is ever queued for a reader.
final class Room {
    struct Member {
        let socket: ClientSocket
        var cursor: UInt64
    }

    let channel: ChannelID
    private(set) var members: ContiguousArray<Member> = []
    /// Events on their way to this room's readers, and how many readers are still to get the first of them.
    private var runs: [[PreparedEvent]] = []
    private var membersLeft = 0

    /// Readers served in one turn of the loop: a big room must not hold up the small ones.
    static let sliceMax = 512
    /// Events that go out as one buffer.
    static let runBytesMax = 32 * 1024

    init(channel: ChannelID) { self.channel = channel }

    var isEmpty: Bool { self.members.isEmpty }

    /// - Returns: the member's place, which changes when others leave (`placed` tells the socket).
    func add(_ socket: ClientSocket, cursor: UInt64) -> Int {
        self.members.append(Member(socket: socket, cursor: cursor))
        return self.members.count - 1
    }

    /// Fills the gap with the last member. Deliveries walk from the end to the front, so that the one who moves
    /// has been served already; whoever is met twice is recognised by its cursor.
    func remove(at place: Int) {
        self.members.swapAt(place, self.members.count - 1)
        self.members.removeLast()
        guard place < self.members.count else { return }
        self.members[place].socket.placed(in: self.channel, at: place)
    }

    func cursor(at place: Int) -> UInt64 { self.members[place].cursor }
    func setCursor(_ cursor: UInt64, at place: Int) { self.members[place].cursor = cursor }

    /// Takes events that follow each other; `pump` serves them.
    func append(_ event: PreparedEvent) {
        guard let last = self.runs.indices.last, self.runs.count > 1 || self.membersLeft == 0,
            let previous = self.runs[last].last, previous.seq &+ 1 == event.seq, self.runs[last].count < 64
        else { return self.runs.append([event]) }
        self.runs[last].append(event)
    }

    /// Serves up to a slice of readers.
    ///
    /// - Returns: whether there is more to do.
    func pump() -> Bool {
        var budget = Self.sliceMax
        while let run = self.runs.first {
            if self.membersLeft == 0 { self.membersLeft = self.members.count }
            let batch = Batch(run)
            // Who left may have made the room smaller than what was left to serve.
            self.membersLeft = min(self.membersLeft, self.members.count)
            while self.membersLeft > 0, budget > 0 {
                self.membersLeft = min(self.membersLeft, self.members.count) - 1
                guard self.membersLeft >= 0 else { break }
                budget -= 1
                self.serve(batch, to: self.membersLeft)
            }
            guard self.membersLeft <= 0 else { return true }
            self.membersLeft = 0
            self.runs.removeFirst()
        }
        return false
    }

    /// A run of events, and its bytes as one buffer for those who are neither author nor leaver of any of them.
    private struct Batch {
        let events: [PreparedEvent]
        let first: UInt64
        let last: UInt64
        let buffer: ByteBuffer?
        let special: [UserID]

        init(_ events: [PreparedEvent]) {
            self.events = events
            self.first = events[0].seq
            self.last = events[events.count - 1].seq
            var special: [UserID] = []
            var count = 0
            for event in events {
                count += event.frame.readableBytes
                if event.authorFrame != nil, !special.contains(event.author) { special.append(event.author) }
                if let leaver = event.leaver, !special.contains(leaver) { special.append(leaver) }
            }
            self.special = special
            guard events.count > 1 else {
                self.buffer = events[0].frame
                return
            }
            guard count <= Room.runBytesMax else {
                self.buffer = nil
                return
            }
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            for event in events { buffer.writeImmutableBuffer(event.frame) }
            self.buffer = buffer
        }
    }

    private func serve(_ batch: Batch, to place: Int) {
        let member = self.members[place]
        guard member.cursor < batch.last else { return }
        let socket = member.socket
        guard socket.takesEvents else { return socket.fallBehind(in: self.channel) }
        if member.cursor &+ 1 == batch.first, let buffer = batch.buffer, !batch.special.contains(socket.user) {
            self.members[place].cursor = batch.last
            return socket.deliver(buffer)
        }
        guard member.cursor &+ 1 >= batch.first else { return socket.fallBehind(in: self.channel) }
        for event in batch.events where event.seq > member.cursor {
            // A failed write ends the socket on the spot, and what it had not read may have made it leave: the place
            // may be another's now, or nobody's.
            guard place < self.members.count, self.members[place].socket === socket else { return }
            guard socket.takesEvents else { return socket.fallBehind(in: self.channel) }
            self.members[place].cursor = event.seq
            socket.deliver(event.frame(for: socket.user))
            // Its own removal is the last it hears; its place may be another's now.
            if socket.left(event) { return }
        }
    }
}
