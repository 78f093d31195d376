import ClusterModel

// What a shard is asked to find, and what it finds.

/// The order of hits.
package enum SearchOrder: UInt8, Sendable, Hashable, NamedCase {
    case newest = 1
    case relevance = 2

    package var name: String {
        switch self {
        case .newest: "newest"
        case .relevance: "relevance"
        }
    }
}

/// What a term looks for. No syntax of the index gets through.
package enum SearchWords: Hashable, Sendable {
    case word(String)
    case prefix(String)
    case phrase(String)
}

/// One condition on the text.
package struct SearchTerm: Hashable, Sendable {
    package let words: SearchWords
    package let isExcluded: Bool

    package init(words: SearchWords, isExcluded: Bool) {
        self.words = words
        self.isExcluded = isExcluded
    }
}

/// Where a page of hits ended: milliseconds or a score, and the message that stood there.
package struct SearchPosition: Hashable, Sendable {
    package let rank: Int64
    package let message: MessageID

    package init(rank: Int64, message: MessageID) {
        self.rank = rank
        self.message = message
    }
}

/// What is looked for. All conditions must hold.
package struct SearchRequest: Hashable, Sendable {
    /// At most 16.
    package var terms: [SearchTerm]
    /// Empty: all that the viewer may see.
    package var channels: [ChannelID]
    package var author: UserID?
    /// 1 link, 2 file, 4 pin, 8 reaction; all of them.
    package var features: UInt8
    package var before: Timestamp?
    package var after: Timestamp?
    package var order: SearchOrder
    package var position: SearchPosition?
    package var limit: UInt32

    package init(
        terms: [SearchTerm], channels: [ChannelID], author: UserID? = nil, features: UInt8 = 0,
        before: Timestamp? = nil, after: Timestamp? = nil, order: SearchOrder = .newest,
        position: SearchPosition? = nil, limit: UInt32
    ) {
        self.terms = terms
        self.channels = channels
        self.author = author
        self.features = features
        self.before = before
        self.after = after
        self.order = order
        self.position = position
        self.limit = limit
    }
}

/// A message that was found.
package struct SearchHit: Hashable, Sendable {
    package let message: MessageView
    /// A piece of the text around the hit, escaped, with marks.
    package let highlight: String
    /// Lower is better; 0 when the order is by time.
    package let score: Int64

    package init(message: MessageView, highlight: String, score: Int64) {
        self.message = message
        self.highlight = highlight
        self.score = score
    }
}
