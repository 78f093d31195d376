/// The 32 bytes of a SHA-256, as four words, most significant first.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package let first: UInt64
    package let second: UInt64
    package let third: UInt64
    package let fourth: UInt64

    package init(words: (UInt64, UInt64, UInt64, UInt64)) {
        (self.first, self.second, self.third, self.fourth) = words
    }

    /// Before the first link of a chain.
    package static let zero = Digest(words: (0, 0, 0, 0))

    /// 64 hexadecimal digits.
    package var description: String {
        [self.first, self.second, self.third, self.fourth].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

extension Digest: Wire {
    package func encode(into writer: inout ByteWriter) {
        for word in [self.first, self.second, self.third, self.fourth] { writer.write(word.bigEndian) }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        func word(_ reader: inout ByteReader) throws(WireError) -> UInt64 {
            UInt64(bigEndian: try reader.read(UInt64.self))
        }
        self.init(words: (try word(&reader), try word(&reader), try word(&reader), try word(&reader)))
    }
}
