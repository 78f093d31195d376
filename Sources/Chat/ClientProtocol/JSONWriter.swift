import ChatModel
import ClusterModel

/// Appends JSON to bytes, without any tree in between. Keys are static, values are escaped here.
///
/// The caller keeps the structure right (`beginObject` … `endObject`); commas are set by the writer.
/// Reuse one with `removeAll(keepingCapacity:)` on hot paths.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8]
    private var needsComma = false

    package init(reservingCapacity capacity: Int = 512) {
        self.bytes = []
        self.bytes.reserveCapacity(capacity)
    }

    package mutating func removeAll(keepingCapacity: Bool = true) {
        self.bytes.removeAll(keepingCapacity: keepingCapacity)
        self.needsComma = false
    }

    package static func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        body(&writer)
        writer.endObject()
        return writer.bytes
    }

    // MARK: Structure

    package mutating func beginObject() { self.open(UInt8(ascii: "{")) }
    package mutating func endObject() { self.close(UInt8(ascii: "}")) }
    package mutating func beginArray() { self.open(UInt8(ascii: "[")) }
    package mutating func endArray() { self.close(UInt8(ascii: "]")) }

    /// A member's name; its value must follow. The name is written as it stands.
    package mutating func key(_ name: StaticString) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.raw(name)
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    /// A member's name that is not known beforehand; its value must follow.
    package mutating func key(_ name: String) {
        self.value(name)
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    // MARK: Values

    package mutating func null() {
        self.separate()
        self.raw("null")
    }

    package mutating func value(_ bool: Bool) {
        self.separate()
        self.raw(bool ? "true" : "false")
    }

    package mutating func value(_ integer: some FixedWidthInteger) {
        self.separate()
        self.digits(integer)
    }

    /// A double that is not finite has no JSON form and becomes null.
    package mutating func value(_ number: Double) {
        guard number.isFinite else { return self.null() }
        self.separate()
        self.bytes.append(contentsOf: number.description.utf8)
    }

    package mutating func value(_ text: String) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.escape(text)
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// RFC 3339 in UTC with milliseconds.
    package mutating func value(_ time: Timestamp) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        CalendarTime(time).append(to: &self.bytes)
        self.bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ id: some PrefixedID) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.unquoted(id)
        self.bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ id: MessageID) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.unquoted(id.channel)
        self.bytes.append(UInt8(ascii: "."))
        self.digits(id.seq)
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// A tree that came from outside, for example the `ref` of a frame.
    package mutating func value(_ tree: JSONValue) {
        switch tree {
        case .null: self.null()
        case .bool(let bool): self.value(bool)
        case .integer(let integer): self.value(integer)
        case .number(let number): self.value(number)
        case .string(let string): self.value(string)
        case .array(let values):
            self.beginArray()
            for value in values { self.value(value) }
            self.endArray()
        case .object(let object):
            self.beginObject()
            for member in object.members {
                self.key(member.name)
                self.value(member.value)
            }
            self.endObject()
        }
    }

    /// A JSON text that was written elsewhere and is put in as it stands.
    package mutating func encoded(_ text: [UInt8]) {
        self.separate()
        self.bytes.append(contentsOf: text)
    }

    // MARK: Parts

    private mutating func open(_ bracket: UInt8) {
        self.separate()
        self.bytes.append(bracket)
        self.needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        self.bytes.append(bracket)
        self.needsComma = true
    }

    /// Before every name and value; what follows needs a comma before it unless `key` or `open` say otherwise.
    private mutating func separate() {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    private mutating func raw(_ text: StaticString) {
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func unquoted(_ id: some PrefixedID) {
        self.bytes.append(contentsOf: type(of: id).prefix.utf8)
        Base32.append(id.high, id.low, to: &self.bytes)
    }

    private mutating func digits(_ integer: some FixedWidthInteger) {
        if let small = UInt64(exactly: integer) {
            Self.append(decimal: small, to: &self.bytes)
        } else {
            self.bytes.append(contentsOf: String(integer).utf8)
        }
    }

    private static func append(decimal value: UInt64, to bytes: inout [UInt8]) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Runs of bytes that need no escape are copied whole. `<`, `>` and the line separators are left as they
    /// are: the answers are `application/json` with `nosniff`, never script.
    private mutating func escape(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            var runStart = 0
            for index in 0..<utf8.count {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[runStart..<index]))
                self.escape(byte)
                runStart = index + 1
            }
            self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[runStart...]))
        }
    }

    private mutating func escape(_ byte: UInt8) {
        self.bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.bytes.append(byte)
        case 0x08: self.bytes.append(UInt8(ascii: "b"))
        case 0x09: self.bytes.append(UInt8(ascii: "t"))
        case 0x0A: self.bytes.append(UInt8(ascii: "n"))
        case 0x0C: self.bytes.append(UInt8(ascii: "f"))
        case 0x0D: self.bytes.append(UInt8(ascii: "r"))
        default:
            self.raw("u00")
            let digits: StaticString = "0123456789abcdef"
            self.bytes.append(digits.utf8Start[Int(byte >> 4)])
            self.bytes.append(digits.utf8Start[Int(byte & 15)])
        }
    }
}

// MARK: Members

extension JSONWriter {
    package mutating func field(_ name: StaticString, _ value: String) {
        self.key(name)
        self.value(value)
    }
    package mutating func field(_ name: StaticString, _ value: String?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }
    package mutating func field(_ name: StaticString, _ value: Bool) {
        self.key(name)
        self.value(value)
    }
    package mutating func field(_ name: StaticString, _ value: some FixedWidthInteger) {
        self.key(name)
        self.value(value)
    }
    package mutating func field(_ name: StaticString, _ value: Timestamp) {
        self.key(name)
        self.value(value)
    }
    package mutating func field(_ name: StaticString, _ value: Timestamp?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }
    package mutating func field(_ name: StaticString, _ value: some PrefixedID) {
        self.key(name)
        self.value(value)
    }
    package mutating func field(_ name: StaticString, _ value: MessageID) {
        self.key(name)
        self.value(value)
    }
    package mutating func field(_ name: StaticString, _ value: MessageID?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }
    package mutating func nullField(_ name: StaticString) {
        self.key(name)
        self.null()
    }
    /// `"name":[]`
    package mutating func emptyArrayField(_ name: StaticString) {
        self.key(name)
        self.beginArray()
        self.endArray()
    }
}
