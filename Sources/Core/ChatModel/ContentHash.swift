import ClusterModel

// A hash over what the log decides, for digests of state, remembered keys and ids that follow from their content.

/// A 64-bit hash fed word by word; the same on every machine. Not for secrets.
///
/// Public and inlinable, as the codec: it is fed on the path of every message.
public struct ContentHash: Sendable {
    @usableFromInline var state: UInt64
    @inlinable
    public var value: UInt64 { self.state }

    @inlinable
    public init(_ seed: UInt64) { self.state = seed ^ 0x51_7C_C1_B7_27_22_0A_95 }

    @inlinable
    public mutating func feed(_ word: UInt64) {
        self.state = (self.state ^ word) &* 0x9FB2_1C65_1E98_DF25
        self.state ^= self.state >> 32
    }

    @inlinable
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            self.feed(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        // The length closes the last word, so that trailing zeros count.
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while offset < bytes.count {
            last ^= UInt64(bytes[offset]) << shift
            shift += 8
            offset += 1
        }
        self.feed(last)
        self.feed(UInt64(truncatingIfNeeded: bytes.count))
    }

    @inlinable
    public mutating func feed(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.feed($0) } }

    @inlinable
    public mutating func feed(_ text: String) {
        var text = text
        text.withUTF8 { self.feed(UnsafeRawBufferPointer($0)) }
    }
}

extension ContentHash {
    /// Two seeds for hashes of 128 bits.
    package static let firstLane: UInt64 = 0x243F_6A88_85A3_08D3
    package static let secondLane: UInt64 = 0x1319_8A2E_0370_7344

    /// What a hash of 128 bits stands for: fed first, so that equal contents of two scopes never meet.
    package enum Scope: UInt64 {
        case messageKey = 1
        case creationKey = 2
        case directChannel = 3
        case flag = 4
        case commandKey = 5
        case requestKey = 6
    }

    mutating func feed(_ id: some PrefixedID) {
        self.feed(id.high)
        self.feed(id.low)
    }
}
