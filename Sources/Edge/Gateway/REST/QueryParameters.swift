/// The fields of a query or of a form (`application/x-www-form-urlencoded`), decoded.
struct QueryParameters: Sendable, Equatable {
    struct Item: Sendable, Equatable {
        let name: String
        let value: String
    }

    let items: [Item]

    static let empty = QueryParameters(items: [])

    private init(items: [Item]) { self.items = items }

    /// - Returns: nil for a broken escape and for what is not UTF-8 when decoded.
    init?(parsing text: String) {
        var items: [Item] = []
        for part in text.utf8.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let rest = equals == part.endIndex ? part[equals...] : part[part.index(after: equals)...]
            guard let name = Self.decode(part[..<equals]), let value = Self.decode(rest) else { return nil }
            items.append(Item(name: name, value: value))
        }
        self.items = items
    }

    /// The first value of `name`.
    subscript(name: String) -> String? { self.items.first { $0.name == name }?.value }

    private static func decode(_ bytes: Substring.UTF8View) -> String? {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"): plain.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(Self.digit), let low = iterator.next().flatMap(Self.digit)
                else { return nil }
                plain.append(high << 4 | low)
            default: plain.append(byte)
            }
        }
        return String(validating: plain, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
