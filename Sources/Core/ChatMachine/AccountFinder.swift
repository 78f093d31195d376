import ChatModel
import ClusterModel

/// Finds accounts by the beginning of their user names or of a word of their display names.
///
/// For answers only. It folds by the tables of Unicode that this build has, so it is no part of what is decided, and
/// two of them are equal whatever they hold.
struct AccountFinder: Sendable, Equatable {
    /// Of a word more are not looked at; user names are never cut short.
    static let matchesMax = 5_000
    private static let wordsMax = 16

    private struct Word: Sendable, Comparable {
        let text: [UInt8]
        let user: UserID

        static func < (left: Word, right: Word) -> Bool {
            left.text == right.text ? left.user < right.user : left.text.lexicographicallyPrecedes(right.text)
        }
    }

    /// All accounts in the order of their names' bytes.
    private var names: [Word] = []
    private var words: [Word] = []

    static func == (_: AccountFinder, _: AccountFinder) -> Bool { true }

    mutating func insert(_ account: AccountRecord) {
        Self.insert(Word(text: Array(account.username.utf8), user: account.id), into: &self.names)
        for word in Self.words(of: account) { Self.insert(word, into: &self.words) }
    }

    mutating func remove(_ account: AccountRecord) {
        Self.remove(Word(text: Array(account.username.utf8), user: account.id), from: &self.names)
        for word in Self.words(of: account) { Self.remove(word, from: &self.words) }
    }

    /// Whose user names, or a word of whose display names, begin with `prefix` and whose user names stand after `after`;
    /// in the order of the user names. Those that `isWanted` refuses are left out.
    func find(
        prefix: String, after: String, limit: Int, account: (UserID) -> AccountRecord?,
        isWanted: (AccountRecord) -> Bool
    ) -> [AccountRecord] {
        let after = Array(after.utf8)
        let folded = Array(prefix.lowercased().utf8)
        var found: [AccountRecord] = []
        func take(_ user: UserID) -> Bool {
            guard let account = account(user), isWanted(account) else { return false }
            found.append(account)
            return true
        }
        var left = limit
        for name in self.names[self.start(folded, after)...] {
            guard left > 0, name.text.starts(with: folded) else { break }
            if take(name.user) { left -= 1 }
        }
        guard !folded.isEmpty else { return found }
        let first = self.words.place(of: Word(text: folded, user: UserID(high: 0, low: 0)), by: \.self).index
        for word in self.words[first...].prefix(Self.matchesMax) {
            guard word.text.starts(with: folded) else { break }
            guard let account = account(word.user), after.lexicographicallyPrecedes(Array(account.username.utf8)) else {
                continue
            }
            _ = take(word.user)
        }
        found.sort { Array($0.username.utf8).lexicographicallyPrecedes(Array($1.username.utf8)) }
        var page: [AccountRecord] = []
        for account in found where page.last?.id != account.id && page.count < limit { page.append(account) }
        return page
    }

    /// The first name that begins with `prefix` or later, and stands after `after`.
    private func start(_ prefix: [UInt8], _ after: [UInt8]) -> Int {
        let start = self.names.place(of: Word(text: prefix, user: UserID(high: 0, low: 0)), by: \.self).index
        guard !after.isEmpty else { return start }
        let end = Word(text: after, user: UserID(high: .max, low: .max))
        let (place, isPresent) = self.names.place(of: end, by: \.self)
        return max(start, isPresent ? place + 1 : place)
    }

    /// Different words of the display name, folded. The name is bounded in bytes before it is folded.
    private static func words(of account: AccountRecord) -> [Word] {
        guard account.displayName.utf8.count <= FormLimits.displayNameBytesMax else { return [] }
        var words: [Word] = []
        for part in account.displayName.lowercased().split(whereSeparator: \.isWhitespace).prefix(Self.wordsMax) {
            let word = Word(text: Array(part.utf8), user: account.id)
            if !words.contains(word) { words.append(word) }
        }
        return words
    }

    private static func insert(_ word: Word, into words: inout [Word]) {
        let (place, isPresent) = words.place(of: word, by: \.self)
        if !isPresent { words.insert(word, at: place) }
    }

    private static func remove(_ word: Word, from words: inout [Word]) {
        let (place, isPresent) = words.place(of: word, by: \.self)
        if isPresent { words.remove(at: place) }
    }
}
