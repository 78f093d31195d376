import ChatModel

// What is asked of the index, and what is shown of its answer.

/// A piece of a text as HTML: escaped, with `<mark>` round what was found.
enum Highlight {
    static let charactersMax = 200
    /// Where what was found begins later, what is before it is left out but for some characters.
    private static let beforeMax = 120
    private static let beforeKept = 60

    /// The piece that `html` makes begins near what was found.
    private static func beginning(_ text: String) -> (text: Substring, isCut: Bool) {
        let scalars = text.unicodeScalars
        guard let mark = scalars.firstIndex(of: "\u{1}"),
            scalars.index(scalars.startIndex, offsetBy: Self.beforeMax, limitedBy: mark) != nil,
            let start = scalars.index(mark, offsetBy: -Self.beforeKept, limitedBy: scalars.startIndex)
        else { return (text[...], false) }
        return (text[start...], true)
    }

    /// - Parameter text: 1 and 2 stand where a mark begins and ends.
    static func html(_ text: String) -> String {
        let (text, isCut) = Self.beginning(text)
        var html = isCut ? "…" : ""
        var count = 0
        var isMarked = false
        // By scalars: a mark must not melt into a character with what follows.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{1}":
                if !isMarked { html += "<mark>" }
                isMarked = true
                continue
            case "\u{2}":
                if isMarked { html += "</mark>" }
                isMarked = false
                continue
            case "&": html += "&amp;"
            case "<": html += "&lt;"
            case ">": html += "&gt;"
            case "\"": html += "&quot;"
            case "'": html += "&#39;"
            default: html.unicodeScalars.append(scalar)
            }
            count += 1
            guard count < Self.charactersMax else {
                html += "…"
                break
            }
        }
        return isMarked ? html + "</mark>" : html
    }
}

extension SearchRequest {
    /// The conditions on words as FTS5 wants them. Every word is quoted: nothing of its syntax gets through.
    struct Match {
        let wanted: String?
        /// The first so many phrases of it are wanted.
        let wantedCount: Int
        /// What must not be there, when nothing is wanted.
        let unwanted: String?
    }

    var matchExpression: Match {
        func quoted(_ text: String) -> String {
            "\""
                + SearchRow.plain(text).split(separator: "\"", omittingEmptySubsequences: false)
                .joined(separator: "\"\"") + "\""
        }
        func expression(_ words: SearchWords) -> String {
            switch words {
            case .word(let text), .phrase(let text): quoted(text)
            case .prefix(let text): quoted(text) + " *"
            }
        }
        let wanted = self.terms.filter { !$0.isExcluded }.map { expression($0.words) }
        let unwanted = self.terms.filter(\.isExcluded).map { expression($0.words) }
        let all = wanted.joined(separator: " AND ")
        guard !wanted.isEmpty else {
            return Match(
                wanted: nil, wantedCount: 0, unwanted: unwanted.isEmpty ? nil : unwanted.joined(separator: " OR "))
        }
        return Match(
            wanted: unwanted.isEmpty ? all : "(\(all)) NOT (\(unwanted.joined(separator: " OR ")))",
            wantedCount: wanted.count, unwanted: nil)
    }
}
