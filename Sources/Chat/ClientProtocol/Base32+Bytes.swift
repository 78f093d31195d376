import ChatModel

// Ids to and from bytes without a String or a generic in between: they stand in every frame.

extension Base32 {
    /// As `text`, straight into bytes.
    static func append(_ high: UInt64, _ low: UInt64, to bytes: inout [UInt8]) {
        let alphabet: StaticString = "0123456789abcdefghjkmnpqrstvwxyz"
        let letters = alphabet.utf8Start
        var high = high
        var low = low
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 26) { text in
            for place in stride(from: 25, through: 0, by: -1) {
                text[place] = letters[Int(low & 31)]
                low = low >> 5 | high << 59
                high >>= 5
            }
            bytes.append(contentsOf: text)
        }
    }

    /// As `pair`: nil for anything but what `append` gives.
    fileprivate static func pair(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (UInt64, UInt64)? {
        guard text.count == start + 26 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in start..<text.count {
            guard let value = Self.value(text[index]), index > start || value < 8 else { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | value
        }
        return (high, low)
    }

    private static func value(_ letter: UInt8) -> UInt64? {
        switch letter {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(letter - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "h"): UInt64(letter - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "j"), UInt8(ascii: "k"): UInt64(letter - UInt8(ascii: "j")) + 18
        case UInt8(ascii: "m"), UInt8(ascii: "n"): UInt64(letter - UInt8(ascii: "m")) + 20
        case UInt8(ascii: "p")...UInt8(ascii: "t"): UInt64(letter - UInt8(ascii: "p")) + 22
        case UInt8(ascii: "v")...UInt8(ascii: "z"): UInt64(letter - UInt8(ascii: "v")) + 27
        default: nil
        }
    }
}

extension ChannelID {
    /// As `init?(_:)`, for the hot path.
    init?(frameText text: String) {
        var text = text
        let pair = text.withUTF8 { utf8 -> (UInt64, UInt64)? in
            // "chn_"
            guard utf8.count == 30, utf8[0] == 0x63, utf8[1] == 0x68, utf8[2] == 0x6E, utf8[3] == 0x5F else {
                return nil
            }
            return Base32.pair(in: utf8, from: 4)
        }
        guard let pair else { return nil }
        self.init(high: pair.0, low: pair.1)
    }
}
