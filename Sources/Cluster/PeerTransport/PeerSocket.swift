import NIOCore

/// The TCP options of connections between nodes.
enum PeerSocket {
    // Of <netinet/tcp.h> on Linux; NIO has no names for them.
    private static let keepIdle = NIOBSDSocket.Option(rawValue: 4)
    private static let keepInterval = NIOBSDSocket.Option(rawValue: 5)
    private static let keepCount = NIOBSDSocket.Option(rawValue: 6)
    private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)

    /// How long sent bytes may go unacknowledged until the kernel gives the connection up. Without it a peer whose
    /// machine lost power would keep its connections for a quarter of an hour.
    private static let userTimeoutMilliseconds = 15_000

    /// On the channel's event loop, before anything is written. A closed channel throws, which ends its set-up.
    static func configure(_ channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
            // Seconds to the first probe, between probes, and how many may be lost.
            try options.setOption(.tcpOption(Self.keepIdle), value: 10)
            try options.setOption(.tcpOption(Self.keepInterval), value: 5)
            try options.setOption(.tcpOption(Self.keepCount), value: 3)
            try options.setOption(.tcpOption(Self.userTimeout), value: Self.userTimeoutMilliseconds)
        #endif
    }
}
