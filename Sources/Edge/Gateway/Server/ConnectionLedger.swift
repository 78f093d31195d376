import NIOCore
import Synchronization

/// Counts the open connections, in all and by address, and refuses beyond the bounds. Thread-safe.
///
/// A key is an IPv4 address or an IPv6 /64, since a /64 is what one customer gets. Unix sockets share one key.
final class ConnectionLedger: Sendable {
    struct Key: Hashable, Sendable {
        fileprivate let family: UInt8
        fileprivate let bits: UInt64
    }

    private struct Counts {
        var total = 0
        var byAddress: [Key: Int] = [:]
    }

    private let counts = Mutex(Counts())
    private let totalMax: Int
    private let perAddressMax: Int

    init(totalMax: Int, perAddressMax: Int) {
        self.totalMax = totalMax
        self.perAddressMax = perAddressMax
    }

    /// - Returns: false when the connection must be refused; then it is not counted and not to be released.
    func admit(_ key: Key) -> Bool {
        self.counts.withLock { counts in
            guard counts.total < self.totalMax, counts.byAddress[key, default: 0] < self.perAddressMax else {
                return false
            }
            counts.total += 1
            counts.byAddress[key, default: 0] += 1
            return true
        }
    }

    func release(_ key: Key) {
        self.counts.withLock { counts in
            guard let count = counts.byAddress[key] else { return }
            counts.total -= 1
            counts.byAddress[key] = count == 1 ? nil : count - 1
        }
    }

    var total: Int { self.counts.withLock { $0.total } }
}

extension ConnectionLedger.Key {
    init(_ address: SocketAddress?) {
        switch address {
        case .v4: self.init(family: 4, bits: Self.bytes(of: address, at: 4, count: 4))
        case .v6: self.init(family: 6, bits: Self.bytes(of: address, at: 8, count: 8))
        case .unixDomainSocket, nil: self.init(family: 0, bits: 0)
        }
    }

    /// Bytes of a `sockaddr`, most significant first. An IPv4 address stands at 4, an IPv6 one at 8.
    private static func bytes(of address: SocketAddress?, at offset: Int, count: Int) -> UInt64 {
        guard let address else { return 0 }
        return address.withSockAddr { pointer, size in
            UnsafeRawBufferPointer(start: pointer, count: size).dropFirst(offset).prefix(count)
                .reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) }
        }
    }
}
