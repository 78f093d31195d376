import ClientProtocol

/// The value of a JSON string with escapes.
enum JSONText {
    /// - Parameter raw: What stands between the quotes.
    static func unescaped(_ raw: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8]? {
        let quoted = [0x22] + Array(raw) + [0x22]
        guard let value = try? JSONValue(parsing: quoted), let text = value.asString else { return nil }
        return Array(text.utf8)
    }
}
