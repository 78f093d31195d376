/// The texts of a run below the edge: all of one size in bytes, each beginning with its number.
struct LoadTexts: Sendable {
    let size: Int
    private let padding: [UInt8]
    private let words: [[UInt8]]

    /// - Parameter words: how many words the texts are made of, the n-th about 1/n as frequent as the first (Zipf's law);
    ///   0: one long word of random letters.
    init(size: Int, words: Int) {
        self.size = size
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        self.padding = (0..<size).map { _ in letters[Int.random(in: letters.indices)] }
        self.words = (0..<words).map(Self.word)
    }

    /// The n-th word, the same in every run, so that others can search for it: syllables that count in base 75.
    static func word(_ number: Int) -> [UInt8] {
        let consonants = Array("bdfghklmnprstvz".utf8)
        let vowels = Array("aeiou".utf8)
        var left = number + 75
        var letters: [UInt8] = []
        while left > 0 {
            letters.append(consonants[left % 75 / 5])
            letters.append(vowels[left % 5])
            left /= 75
        }
        return letters
    }

    /// Writes the text of the n-th message of a lane over `text`, which is `size` bytes long. The same whenever it is asked for.
    func write(_ number: Int, of lane: Int, into text: UnsafeMutableBufferPointer<UInt8>) {
        var place = text.putDecimal(UInt64(number))
        text[place] = 0x20
        place += 1
        guard !self.words.isEmpty else {
            _ = text[place...].update(fromContentsOf: self.padding.dropLast(place))
            return
        }
        var ranks = Ranks(seed: UInt64(lane) << 40 | UInt64(number), count: self.words.count)
        while place < text.count {
            let word = self.words[ranks.next()].prefix(text.count - place)
            place = text[place...].update(fromContentsOf: word)
            guard place < text.count else { return }
            text[place] = 0x20
            place += 1
        }
    }

    /// Evenly spread logarithms make ranks that follow Zipf's law: a power of two first, then a place below the next.
    private struct Ranks {
        private var state: UInt64
        private let count: Int

        init(seed: UInt64, count: Int) {
            // Never zero, of which a shifting generator makes zeros.
            self.state = (seed ^ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9 | 1
            self.count = count
        }

        mutating func next() -> Int {
            self.state ^= self.state << 13
            self.state ^= self.state >> 7
            self.state ^= self.state << 17
            let bits = max(Int.bitWidth - self.count.leadingZeroBitCount - 1, 1)
            let low = 1 << Int((self.state >> 32) % UInt64(bits))
            return min(low + Int(self.state & 0xFFFF_FFFF) % low, self.count) - 1
        }
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// Writes a number in decimal at the beginning, which has room for 20 digits; returns how many it took.
    fileprivate func putDecimal(_ number: UInt64) -> Int {
        var length = 1
        var rest = number / 10
        while rest > 0 {
            length += 1
            rest /= 10
        }
        rest = number
        for place in (0..<length).reversed() {
            self[place] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
        return length
    }
}
