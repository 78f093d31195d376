/// The texts of a run below the edge: all of one size in bytes, each beginning with its number.
struct LoadTexts: Sendable {
    let size: Int
    private let padding: [UInt8]
    private let words: [[UInt8]]
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

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

    mutating func next(_ number: Int) -> String {
        var bytes = Array("\(number) ".utf8)
        bytes.reserveCapacity(self.size + 16)
        if self.words.isEmpty {
            bytes.append(contentsOf: self.padding.dropLast(bytes.count))
        } else {
            while bytes.count < self.size {
                bytes.append(contentsOf: self.words[self.nextRank()])
                bytes.append(0x20)
            }
            bytes.removeLast(bytes.count - self.size)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Evenly spread logarithms make ranks that follow Zipf's law: a power of two first, then a place below the next.
    private mutating func nextRank() -> Int {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        let bits = max(Int.bitWidth - self.words.count.leadingZeroBitCount - 1, 1)
        let low = 1 << Int((self.state >> 32) % UInt64(bits))
        return min(low + Int(self.state & 0xFFFF_FFFF) % low, self.words.count) - 1
    }
}
