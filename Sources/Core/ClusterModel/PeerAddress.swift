/// Where a node's peer port can be dialled: `host:port`, an IPv6 host in brackets.
package struct PeerAddress: Hashable, Sendable {
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// - Returns: nil for text that is not `host:port` with a port of 1–65535, or `[v6]:port`.
    ///   Port 0 is let through only where `allowingAnyPort` says that the system may choose.
    package init?(_ text: some StringProtocol, allowingAnyPort: Bool = false) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let portText = text[text.index(after: colon)...]
        guard !portText.isEmpty, portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let port = UInt16(portText), port > 0 || allowingAnyPort else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        self.init(host: host, port: port)
    }
}

extension PeerAddress: CustomStringConvertible {
    package var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}

extension PeerAddress: Comparable {
    package static func < (left: PeerAddress, right: PeerAddress) -> Bool {
        (left.host, left.port) < (right.host, right.port)
    }
}

extension PeerAddress: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.host)
        writer.write(self.port)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(host: try reader.read(String.self, max: 253), port: try reader.read())
    }
}
