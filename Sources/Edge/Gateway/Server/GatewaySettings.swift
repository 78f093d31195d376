import NIOCore

/// How a node's client listener behaves. A value; fixed for the life of a ``GatewayServer``.
package struct GatewaySettings: Sendable {
    /// Files of a certificate chain and its key, both PEM.
    package struct TLSFiles: Sendable, Hashable {
        package let certificate: String
        package let key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package var host: String
    /// 0 lets the kernel choose; `start` tells which.
    package var port: Int
    package var tls: TLSFiles?
    package var rateLimits: Bool
    /// Origins beside the node's own that browsers may open sockets from, as `scheme://host[:port]`.
    package var allowedOrigins: [String]
    package var limits: ListenerLimits
    package var socket: SocketSettings
    /// Adds to the pipeline of the listening socket what decides when to accept; on its loop, before it is bound.
    package var prepareListener: @Sendable (any Channel) throws -> Void = { _ in }
    /// Whether the process is short of what a connection takes: a new one gets a 503 and is closed. Any thread; cheap.
    package var isShort: @Sendable () -> Bool = { false }

    package init(
        host: String, port: Int, tls: TLSFiles? = nil, rateLimits: Bool = true, allowedOrigins: [String] = [],
        limits: ListenerLimits = ListenerLimits(), socket: SocketSettings = SocketSettings()
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.rateLimits = rateLimits
        self.allowedOrigins = allowedOrigins
        self.limits = limits
        self.socket = socket
    }
}

/// What strangers can make a listener hold.
package struct ListenerLimits: Sendable, Hashable {
    /// Open connections of any kind; further ones get a 503 and are closed.
    package var connectionsMax = 100_000
    /// Open connections of one IPv4 address or one IPv6 /64. Loopback counts as any other.
    package var connectionsPerAddressMax = 25_000
    /// The whole head of a request must be there after this long.
    package var headTimeout: TimeAmount = .seconds(10)
    /// An HTTP connection without a request in progress is closed after this long.
    package var idleTimeout: TimeAmount = .seconds(75)
    /// Header fields of a request.
    package var headerFieldsMax = 64
    /// Bytes of one field, name and value.
    package var headerFieldBytesMax = 8 * 1024
    /// Bytes of all fields together.
    package var headerBytesMax = 32 * 1024
    package var uriBytesMax = 4 * 1024

    package init() {}
}

/// The clocks and bounds of WebSockets. The defaults are what clients are promised; tests shorten them.
package struct SocketSettings: Sendable, Hashable {
    /// The first frame must be a good `auth` within this many milliseconds, else 4401.
    package var authMilliseconds: Int64 = 10_000
    /// One period; two without a frame end the socket with 4001.
    package var heartbeatMilliseconds: Int64 = 30_000
    /// A socket that says nothing but `ping` for so long is away.
    package var idleMilliseconds: Int64 = 300_000
    /// How long the peer may take to answer a close frame before the connection is cut.
    package var closeMilliseconds: Int64 = 5_000
    /// How long a socket may stay unwritable before it is closed with 4000.
    package var slowMilliseconds: Int64 = 30_000
    /// Bytes of one message from a client, all fragments together.
    package var messageBytesMax = 64 * 1024
    /// Unsent bytes at which a socket counts as unwritable.
    package var backlogBytesMax = 64 * 1024
    /// Requests of one socket that wait for their answer.
    package var requestsMax = 256
    /// Sockets of one session on this node; the oldest is closed with 1008.
    package var socketsPerSessionMax = 16
    /// Missed events that are still delivered one by one on resume.
    package var missedEventsMax: UInt64 = 1_000
    /// How long a drain spreads the closing of sockets over.
    package var drainMilliseconds: Int64 = 5_000

    package init() {}
}
