/// Folding that no Unicode table takes part in: apply must give the same on every build.
enum FoldedName {
    /// A–Z in lower case, all else as it is.
    static func ascii(_ name: String) -> String {
        String(decoding: name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
