/// Base 64 without padding (RFC 4648, sections 4 and 5), strict: one text for each value.
enum Base64 {
    enum Alphabet: Sendable {
        /// `+` and `/`: hash texts.
        case standard
        /// `-` and `_`: tokens.
        case url

        fileprivate var letters: StaticString {
            switch self {
            case .standard: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            case .url: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            }
        }

        fileprivate func value(of letter: UInt8) -> UInt32? {
            switch letter {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a")) + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0")) + 52
            case UInt8(ascii: "+") where self == .standard, UInt8(ascii: "-") where self == .url: 62
            case UInt8(ascii: "/") where self == .standard, UInt8(ascii: "_") where self == .url: 63
            default: nil
            }
        }
    }

    static func encode(_ bytes: some Collection<UInt8>, _ alphabet: Alphabet) -> String {
        let letters = alphabet.letters.utf8Start
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in bytes {
            bits = (bits << 8 | UInt32(byte)) & 0xFFFF
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                text.append(letters[Int(bits >> UInt32(bitCount)) & 63])
            }
        }
        if bitCount > 0 { text.append(letters[Int(bits << UInt32(6 - bitCount)) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil for foreign letters, padding, an impossible length, and left-over bits that are not zero.
    static func decode(_ text: some Collection<UInt8>, _ alphabet: Alphabet) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        for letter in text {
            guard let value = alphabet.value(of: letter) else { return nil }
            bits = (bits << 6 | value) & 0x3FFF
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
            }
        }
        return bits & ((1 << bitCount) - 1) == 0 ? bytes : nil
    }
}
