import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import DequeModule
import Fanout
import NIOCore
import Synchronization

/// The socket side of one event loop: its sockets, their rooms, users and clocks.
///
/// All state but the inbox is touched on the loop only, which is what makes `@unchecked Sendable` right: other
/// threads reach `enqueue`, `deliver` and the immutable fields, nothing else.
final class SocketLoop: DeliveryLane, @unchecked Sendable {
    /// What comes to the loop from other threads.
    enum Work: Sendable {
        case deliveries([Delivery])
        case posted(socket: UInt64, FrameRef?, Result<CommandResult, ServiceError>)
        case call(@Sendable (SocketLoop) -> Void)
    }

    private struct Inbox {
        var work: [Work] = []
        var isScheduled = false
    }

    /// The sockets of one user on this loop, and the budget that they share.
    struct UserEntry {
        var sockets: [UInt64] = []
        var frames: TokenBucket
        var patience: TokenBucket
    }

    let loop: any EventLoop
    let services: SocketServices
    private(set) var lane: LaneID?
    private let inbox = Mutex(Inbox())

    private(set) var sockets: [UInt64: ClientSocket] = [:]
    private var nextID: UInt64 = 1
    private var rooms: [ChannelID: Room] = [:]
    var users: [UserID: UserEntry] = [:]
    /// Which accounts the sockets were held against last.
    private var accountsVersion: UInt64?
    var presences = LanePresence()
    /// Rooms with events to hand out, in the order in which they got them.
    private var busyRooms: Deque<Room> = []
    private var isPumpScheduled = false
    private var dirty: [ClientSocket] = []
    private var isFlushScheduled = false
    private var laggards: [ClientSocket] = []
    /// Pages of the log on their way, and who waits for a turn.
    var pagesOpen = 0
    var pageQueue = PageQueue()

    // Clocks: each socket is looked at once a heartbeat, in the turn of its number, and in every tick while
    // something of it is due soon.
    private var turn = 0
    private let turns: Int
    private let tickMilliseconds: Int64
    private var impatient: [UInt64: ClientSocket] = [:]
    private var buckets: [[UInt64]]
    private var whenEmpty: [EventLoopPromise<Void>] = []

    static let pagesMax = 64

    init(loop: any EventLoop, services: SocketServices) {
        self.loop = loop
        self.services = services
        let settings = services.settings
        let shortest = min(
            settings.authMilliseconds, settings.heartbeatMilliseconds, settings.closeMilliseconds,
            settings.slowMilliseconds)
        self.tickMilliseconds = max(10, min(1_000, shortest / 4))
        self.turns = max(1, Int(settings.heartbeatMilliseconds / self.tickMilliseconds))
        self.buckets = Array(repeating: [], count: self.turns)
        self.lane = services.hub.addLane(self)
    }

    // MARK: From other threads

    func deliver(_ deliveries: [Delivery]) { self.enqueue(.deliveries(deliveries)) }

    /// Any thread. Work of one thread is done in its order; many pieces cost one turn of the loop.
    func enqueue(_ work: Work) {
        let mustSchedule = self.inbox.withLock { inbox in
            inbox.work.append(work)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if mustSchedule { self.loop.execute { self.drainInbox() } }
    }

    func call(_ body: @escaping @Sendable (SocketLoop) -> Void) { self.enqueue(.call(body)) }

    private func drainInbox() {
        let work = self.inbox.withLock { inbox in
            defer { inbox = Inbox() }
            return inbox.work
        }
        for piece in work {
            switch piece {
            case .deliveries(let deliveries): for delivery in deliveries { self.take(delivery) }
            case .posted(let id, let ref, let result): self.posted(id, ref, result)
            case .call(let body): body(self)
            }
        }
        self.pump()
        self.flushDirty()
    }

    // MARK: Events

    private func take(_ delivery: Delivery) {
        switch delivery {
        case .event(let event):
            guard let room = self.rooms[event.channel] else { return }
            room.append(event)
            self.busyRooms.append(room)
        case .leapt(let channel, _):
            guard let room = self.rooms[channel] else { return }
            for member in room.members { member.socket.fallBehind(in: channel) }
        case .notice(let user, let notice):
            guard let ids = self.users[user]?.sockets else { return }
            for id in ids { if let socket = self.sockets[id] { self.take(notice, for: socket) } }
        case .presence(let state): self.take(state)
        case .typing(let note): self.take(note)
        }
    }

    /// Hands out a slice of what waits; the rest gets another turn, so that HTTP and small rooms get theirs.
    private func pump() {
        var slices = 4
        while let room = self.busyRooms.popFirst() {
            guard room.pump() else { continue }
            self.busyRooms.append(room)
            slices -= 1
            guard slices > 0 else { break }
        }
        self.catchUpLaggards()
        guard !self.busyRooms.isEmpty || !self.laggards.isEmpty, !self.isPumpScheduled else { return }
        self.isPumpScheduled = true
        self.loop.execute {
            self.isPumpScheduled = false
            self.pump()
            self.flushDirty()
        }
    }

    func catchUpLater(_ socket: ClientSocket) {
        if self.laggards.isEmpty { self.wakePump() }
        self.laggards.append(socket)
    }

    private func wakePump() {
        guard !self.isPumpScheduled else { return }
        self.isPumpScheduled = true
        self.loop.execute {
            self.isPumpScheduled = false
            self.pump()
            self.flushDirty()
        }
    }

    private func catchUpLaggards() {
        let laggards = self.laggards
        self.laggards = []
        for socket in laggards { socket.catchUp() }
    }

    /// Sockets with unflushed bytes get one write at the end of the turn.
    func flushLater(_ socket: ClientSocket) {
        self.dirty.append(socket)
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.loop.execute {
            self.isFlushScheduled = false
            self.flushDirty()
        }
    }

    private func flushDirty() {
        guard !self.dirty.isEmpty else { return }
        let dirty = self.dirty
        self.dirty = []
        for socket in dirty { socket.flush() }
    }

    // MARK: Rooms

    func room(_ channel: ChannelID) -> Room? { self.rooms[channel] }

    /// The room of a channel, for a reader at `cursor` of a channel known to stand at `head`.
    func join(_ channel: ChannelID, after cursor: UInt64, head: UInt64) -> Room {
        let room: Room
        if let present = self.rooms[channel] {
            room = present
        } else {
            room = Room(channel: channel)
            self.rooms[channel] = room
            if let lane = self.lane { self.services.hub.join(channel, lane: lane, after: cursor) }
        }
        self.services.hub.note(channel, head: head)
        return room
    }

    func leave(_ channel: ChannelID, place: Int) {
        guard let room = self.rooms[channel] else { return }
        room.remove(at: place)
        guard room.isEmpty else { return }
        self.rooms[channel] = nil
        if let lane = self.lane { self.services.hub.leave(channel, lane: lane) }
    }

    func misses(_ channel: ChannelID, after cursor: UInt64) -> Bool {
        switch self.services.hub.page(channel, after: cursor, limit: 1) {
        case .current: false
        case .events, .older: true
        }
    }

    // MARK: Sockets

    func add(_ socket: ClientSocket) -> UInt64 {
        let id = self.nextID
        self.nextID += 1
        self.sockets[id] = socket
        self.buckets[Int(id % UInt64(self.turns))].append(id)
        self.impatient[id] = socket
        return id
    }

    func remove(_ socket: ClientSocket) {
        guard self.sockets.removeValue(forKey: socket.id) != nil else { return }
        self.impatient[socket.id] = nil
        self.buckets[Int(socket.id % UInt64(self.turns))].removeAll { $0 == socket.id }
        self.exit(socket)
        guard self.sockets.isEmpty else { return }
        for promise in self.whenEmpty { promise.succeed() }
        self.whenEmpty = []
    }

    /// Something of this socket will be due soon.
    func attend(to socket: ClientSocket) { self.impatient[socket.id] = socket }

    /// The user's budget, shared by its sockets on this loop.
    func spend(_ user: UserID) -> ConnectionState.Allowance {
        guard self.services.rateLimits, var entry = self.users[user] else { return .granted }
        let now = SocketServices.now().wall
        defer { self.users[user] = entry }
        guard !entry.frames.take(SocketServices.framePolicy, at: now).isAllowed else { return .granted }
        return entry.patience.take(SocketServices.patiencePolicy, at: now).isAllowed ? .refused : .persistent
    }

    // MARK: Clocks

    /// Any thread.
    func startTicking() -> RepeatedTask {
        let period = TimeAmount.milliseconds(self.tickMilliseconds)
        return self.loop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in self.tick() }
    }

    private func tick() {
        self.turn = (self.turn + 1) % self.turns
        for id in self.buckets[self.turn] { if let socket = self.sockets[id] { self.impatient[id] = socket } }
        self.followAccounts()
        // Ticking may close sockets, which leave both tables.
        for (id, socket) in Array(self.impatient) where !socket.tick() { self.impatient[id] = nil }
        self.endRevokedSessions()
        self.flushDirty()
    }

    /// What people may do, and whether they may be here, is what their accounts say now.
    ///
    /// All sockets are looked at when an account has changed, and each in its turn for what changed while it came in.
    private func followAccounts() {
        let accounts = self.services.service.directory.accounts
        let isChanged = accounts.version != self.accountsVersion
        self.accountsVersion = accounts.version
        for id in isChanged ? Array(self.sockets.keys) : self.buckets[self.turn] {
            guard let socket = self.sockets[id], let actor = socket.actor, let account = accounts[actor.user] else {
                continue
            }
            if account.deactivatedAt != nil {
                socket.revoke(actor.session)
            } else if account.role != actor.role {
                socket.give(account.role)
                // A guest sees whom it shares a channel with; it may ask for them again.
                if account.role == .guest { self.replaceWatched([], of: socket) }
            }
        }
    }

    /// The notice of a revocation is best effort; the directory's own copy is not.
    private func endRevokedSessions() {
        let revoked = self.services.service.directory.revokedSessions
        guard !revoked.isEmpty else { return }
        for socket in Array(self.sockets.values) {
            guard let session = socket.actor?.session, revoked.contains(session) else { continue }
            socket.revoke(session)
        }
    }

    // MARK: The end

    /// Tells each socket to go elsewhere and closes it at a moment of its own. Returns when all are gone.
    func drain() async {
        let settings = self.services.settings
        await self.empty(within: settings.drainMilliseconds + settings.closeMilliseconds + 500) { loop in
            for socket in Array(loop.sockets.values) {
                let delay = Int64.random(in: 0...max(settings.drainMilliseconds, 1))
                socket.step(.news(ServerFrame.reconnect(delayMilliseconds: Int(delay))))
                let id = socket.id
                loop.loop.scheduleTask(in: .milliseconds(delay)) { loop.sockets[id]?.step(.end(.goingAway)) }
            }
        }
    }

    /// Closes all with 1012. Returns when all are gone.
    func stop() async {
        await self.empty(within: self.services.settings.closeMilliseconds + 500) { loop in
            for socket in Array(loop.sockets.values) { socket.step(.end(.serviceRestart)) }
        }
    }

    private func empty(within milliseconds: Int64, _ begin: @escaping @Sendable (SocketLoop) -> Void) async {
        let promise = self.loop.makePromise(of: Void.self)
        self.call { loop in
            begin(loop)
            guard !loop.sockets.isEmpty else { return promise.succeed() }
            loop.whenEmpty.append(promise)
            loop.loop.scheduleTask(in: .milliseconds(milliseconds)) {
                // Who has not answered by now is cut off.
                for socket in Array(loop.sockets.values) { socket.step(.inputClosed) }
                loop.flushDirty()
                for socket in Array(loop.sockets.values) { socket.abandon() }
            }
        }
        // The promise is only ever succeeded.
        try? await promise.futureResult.get()
    }
}
