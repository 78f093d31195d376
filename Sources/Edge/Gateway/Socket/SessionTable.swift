import ChatModel
import ClusterModel
import DequeModule
import Synchronization

/// One socket of the node, by name: its event loop and its number there.
struct SocketHandle: Sendable, Hashable {
    let loop: SocketLoop
    let id: UInt64

    static func == (left: SocketHandle, right: SocketHandle) -> Bool {
        left.id == right.id && left.loop === right.loop
    }
    func hash(into hasher: inout Hasher) { hasher.combine(self.id) }
}

/// Which sockets belong to which session, oldest first, and how many one may have. Thread-safe.
final class SessionTable: Sendable {
    private let socketsMax: Int
    private let sockets = Mutex<[SessionID: Deque<SocketHandle>]>([:])

    init(socketsMax: Int) {
        precondition(socketsMax > 0, "\(socketsMax) sockets a session")
        self.socketsMax = socketsMax
    }

    /// - Returns: the session's oldest socket if it must go.
    func add(_ socket: SocketHandle, to session: SessionID) -> SocketHandle? {
        self.sockets.withLock { sockets in
            sockets[session, default: []].append(socket)
            guard let count = sockets[session]?.count, count > self.socketsMax else { return nil }
            return sockets[session]?.popFirst()
        }
    }

    func remove(_ socket: SocketHandle, from session: SessionID) {
        self.sockets.withLock { sockets in
            sockets[session]?.removeAll { $0 == socket }
            if sockets[session]?.isEmpty == true { sockets[session] = nil }
        }
    }
}
