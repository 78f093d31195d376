/// The fields of one JSON line, found in a single pass. Values stay in the file's bytes until they are asked for.
///
/// It reads what `HistoryRecord` writes and any other JSON object without nested objects; a field that it does not
/// know is passed over.
struct LineFields {
    /// Up to eight letters of a name, packed.
    struct Name: Hashable {
        let packed: UInt64

        init(_ name: StaticString) {
            self.init(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)[...])
        }

        init(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
            self.packed = bytes.count > 8 ? .max : bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private struct Field {
        let name: Name
        let low: Int
        let high: Int
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var fields: [Field] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        self.fields.reserveCapacity(12)
    }

    /// Reads the line at `low..<high` in place of the last one. False where it is no such object.
    mutating func parse(_ low: Int, _ high: Int) -> Bool {
        self.fields.removeAll(keepingCapacity: true)
        var at = low
        guard self.take(0x7B, &at, high) else { return false }
        if self.take(0x7D, &at, high) { return self.rest(at, high) }
        while true {
            guard let name = self.string(&at, high), self.take(0x3A, &at, high) else { return false }
            self.blank(&at, high)
            let begin = at
            guard self.skipValue(&at, high) else { return false }
            self.fields.append(Field(name: Name(self.bytes[name]), low: begin, high: at))
            if self.take(0x2C, &at, high) { continue }
            return self.take(0x7D, &at, high) && self.rest(at, high)
        }
    }

    private func field(_ name: Name) -> Field? {
        for field in self.fields where field.name == name { return field }
        return nil
    }

    // MARK: Values

    func integer<Value: FixedWidthInteger>(_ name: Name, as type: Value.Type = Value.self) -> Value? {
        guard let field = self.field(name) else { return nil }
        return Self.integer(self.bytes[field.low..<field.high])
    }

    func bool(_ name: Name) -> Bool? {
        guard let field = self.field(name) else { return nil }
        return switch self.bytes[field.low] {
        case 0x74: true
        case 0x66: false
        default: nil
        }
    }

    /// The bytes of a string as they stand; our own strings have escapes only before quotes and backslashes.
    func raw(_ name: Name) -> Slice<UnsafeBufferPointer<UInt8>>? {
        guard let field = self.field(name), field.high - field.low >= 2, self.bytes[field.low] == 0x22 else {
            return nil
        }
        return self.bytes[(field.low + 1)..<(field.high - 1)]
    }

    func string(_ name: Name) -> String? {
        guard let raw = self.raw(name) else { return nil }
        guard raw.contains(0x5C) else { return String(decoding: raw, as: UTF8.self) }
        var plain: [UInt8] = []
        var isEscaped = false
        for byte in raw {
            if byte == 0x5C, !isEscaped {
                isEscaped = true
            } else {
                plain.append(byte)
                isEscaped = false
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    func key(_ name: Name) -> MessageKey? { self.raw(name).flatMap { MessageKey(text: $0) } }

    func digest(_ name: Name) -> TextDigest? { self.integer(name, as: UInt64.self).map { TextDigest(rawValue: $0) } }

    func clients(_ name: Name) -> [UInt32]? { self.integers(name) }

    func integers<Value: FixedWidthInteger>(_ name: Name, as type: Value.Type = Value.self) -> [Value]? {
        guard let field = self.field(name), field.high - field.low >= 2, self.bytes[field.low] == 0x5B else {
            return nil
        }
        var numbers: [Value] = []
        for part in self.bytes[(field.low + 1)..<(field.high - 1)].split(separator: 0x2C) {
            guard let number = Self.integer(part) as Value? else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    func entries(_ name: Name) -> [LogEntry]? {
        guard let field = self.field(name), self.bytes[field.low] == 0x5B else { return nil }
        var at = field.low + 1
        var entries: [LogEntry] = []
        if self.take(0x5D, &at, field.high) { return entries }
        repeat {
            guard let entry = self.entry(&at, field.high) else { return nil }
            entries.append(entry)
        } while self.take(0x2C, &at, field.high)
        return self.take(0x5D, &at, field.high) ? entries : nil
    }

    private func entry(_ at: inout Int, _ high: Int) -> LogEntry? {
        guard self.take(0x5B, &at, high), let seq = self.number(&at, high), self.take(0x2C, &at, high),
            let word = self.string(&at, high), self.take(0x2C, &at, high), let last = self.number(&at, high),
            self.take(0x5D, &at, high), let first = self.bytes[word].first
        else { return nil }
        switch (first, word.count) {
        case (0x2B, 1): return UInt32(exactly: last).map { LogEntry(seq: seq, .joined(client: $0)) }
        case (0x2D, 1): return UInt32(exactly: last).map { LogEntry(seq: seq, .left(client: $0)) }
        case (0x3F, 1): return LogEntry(seq: seq, .other(TextDigest(rawValue: last)))
        default:
            guard let key = MessageKey(text: self.bytes[word]) else { return nil }
            return LogEntry(seq: seq, .message(key, TextDigest(rawValue: last)))
        }
    }

    private static func integer<Value: FixedWidthInteger>(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Value? {
        var value: Value = 0
        var digits = bytes
        let isNegative = digits.first == 0x2D
        if isNegative { digits = digits.dropFirst() }
        guard !digits.isEmpty else { return nil }
        for byte in digits {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Value(truncatingIfNeeded: byte - 0x30)
            let (sum, carry) =
                isNegative ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        // What is beyond is exact in no JSON reader, and no sum below that could overflow is reached.
        guard value.magnitude <= UInt64(1) << 53 else { return nil }
        return value
    }

    // MARK: Scanning

    private func blank(_ at: inout Int, _ high: Int) {
        while at < high, self.bytes[at] == 0x20 || self.bytes[at] == 0x09 || self.bytes[at] == 0x0D { at += 1 }
    }

    private func take(_ byte: UInt8, _ at: inout Int, _ high: Int) -> Bool {
        self.blank(&at, high)
        guard at < high, self.bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private func rest(_ at: Int, _ high: Int) -> Bool {
        var at = at
        self.blank(&at, high)
        return at == high
    }

    private func string(_ at: inout Int, _ high: Int) -> Range<Int>? {
        guard self.take(0x22, &at, high) else { return nil }
        let low = at
        while at < high, self.bytes[at] != 0x22 { at += self.bytes[at] == 0x5C ? 2 : 1 }
        guard at < high else { return nil }
        at += 1
        return low..<(at - 1)
    }

    private func number(_ at: inout Int, _ high: Int) -> UInt64? {
        self.blank(&at, high)
        let low = at
        while at < high, (0x30...0x39).contains(self.bytes[at]) { at += 1 }
        return Self.integer(self.bytes[low..<at])
    }

    private func skipValue(_ at: inout Int, _ high: Int) -> Bool {
        guard at < high else { return false }
        if self.bytes[at] == 0x22 { return self.string(&at, high) != nil }
        if self.bytes[at] == 0x5B { return self.skipArray(&at, high) }
        let low = at
        while at < high, self.bytes[at] != 0x2C, self.bytes[at] != 0x7D, self.bytes[at] != 0x20 { at += 1 }
        return at > low
    }

    private func skipArray(_ at: inout Int, _ high: Int) -> Bool {
        var depth = 0
        while at < high {
            switch self.bytes[at] {
            case 0x22:
                guard self.string(&at, high) != nil else { return false }
                continue
            case 0x5B: depth += 1
            case 0x5D:
                depth -= 1
                if depth == 0 {
                    at += 1
                    return true
                }
            default: break
            }
            at += 1
        }
        return false
    }
}
