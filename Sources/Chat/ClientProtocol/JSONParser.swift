// The recursive-descent parser behind `JSONValue`. It reads each byte once and traps on none.

/// Parses one JSON text from borrowed memory. Strict RFC 8259, and RFC 7493 (I-JSON) where that is
/// stricter: no byte-order mark, no lone surrogates, no repeated names.
struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depthLeft: Int
    private var valuesLeft: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.depthLeft = limits.depthMax
        self.valuesLeft = limits.valuesMax
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        if self.bytes.count >= 3, self.bytes[0] == 0xEF, self.bytes[1] == 0xBB, self.bytes[2] == 0xBF {
            throw self.error(.byteOrderMark)
        }
        let value = try self.parseValue()
        self.skipWhiteSpace()
        guard self.position == self.bytes.count else { throw self.error(.trailingBytes) }
        return value
    }

    private mutating func parseValue() throws(JSONError) -> JSONValue {
        try self.count()
        self.skipWhiteSpace()
        switch try self.peek() {
        case UInt8(ascii: "{"): return .object(try self.parseObject())
        case UInt8(ascii: "["): return .array(try self.parseArray())
        case UInt8(ascii: "\""): return .string(try self.parseString())
        case UInt8(ascii: "t"): return try self.parseLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try self.parseLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try self.parseLiteral("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try self.parseNumber()
        default: throw self.error(.unexpectedByte)
        }
    }

    private mutating func parseObject() throws(JSONError) -> JSONObject {
        try self.descend()
        var members: [JSONObject.Member] = []
        var seen = NameSet()
        self.skipWhiteSpace()
        if try self.peek() == UInt8(ascii: "}") {
            self.ascend()
            return JSONObject()
        }
        members.reserveCapacity(6)
        while true {
            self.skipWhiteSpace()
            guard try self.peek() == UInt8(ascii: "\"") else { throw self.error(.unexpectedByte) }
            try self.count()
            let name = try self.parseString()
            guard seen.insert(name, beside: members) else { throw self.error(.duplicateName) }
            self.skipWhiteSpace()
            guard try self.peek() == UInt8(ascii: ":") else { throw self.error(.unexpectedByte) }
            self.position += 1
            members.append(JSONObject.Member(name: name, value: try self.parseValue()))
            self.skipWhiteSpace()
            switch try self.peek() {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "}"):
                self.ascend()
                return JSONObject(members)
            default: throw self.error(.unexpectedByte)
            }
        }
    }

    private mutating func parseArray() throws(JSONError) -> [JSONValue] {
        try self.descend()
        var values: [JSONValue] = []
        self.skipWhiteSpace()
        if try self.peek() == UInt8(ascii: "]") {
            self.ascend()
            return values
        }
        while true {
            values.append(try self.parseValue())
            self.skipWhiteSpace()
            switch try self.peek() {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "]"):
                self.ascend()
                return values
            default: throw self.error(.unexpectedByte)
            }
        }
    }

    private mutating func parseLiteral(_ literal: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<literal.utf8CodeUnitCount {
            guard try self.peek() == literal.utf8Start[index] else { throw self.error(.unexpectedByte) }
            self.position += 1
        }
        return value
    }

    // MARK: Strings

    private mutating func parseString() throws(JSONError) -> String {
        self.position += 1
        let start = self.position
        while true {
            switch try self.peek() {
            case UInt8(ascii: "\""):
                let text = String(validating: self.bytes[start..<self.position], as: UTF8.self)
                guard let text else { throw self.error(.invalidUTF8) }
                self.position += 1
                return text
            case UInt8(ascii: "\\"): return try self.parseEscapedString(from: start)
            case 0..<0x20: throw self.error(.controlCharacter)
            default: self.position += 1
            }
        }
    }

    /// The slow way, from the first backslash on.
    private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
        var plain = Array(self.bytes[start..<self.position])
        while true {
            let byte = try self.peek()
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: plain, as: UTF8.self) else { throw self.error(.invalidUTF8) }
                return text
            case UInt8(ascii: "\\"): try self.parseEscape(into: &plain)
            case 0..<0x20: throw self.error(.controlCharacter)
            default: plain.append(byte)
            }
        }
    }

    private mutating func parseEscape(into plain: inout [UInt8]) throws(JSONError) {
        let letter = try self.peek()
        self.position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain.append(letter)
        case UInt8(ascii: "b"): plain.append(0x08)
        case UInt8(ascii: "f"): plain.append(0x0C)
        case UInt8(ascii: "n"): plain.append(0x0A)
        case UInt8(ascii: "r"): plain.append(0x0D)
        case UInt8(ascii: "t"): plain.append(0x09)
        case UInt8(ascii: "u"): plain.append(contentsOf: UTF8.encode(try self.parseScalar()) ?? .init())
        default: throw self.error(.invalidEscape)
        }
    }

    /// The scalar of `\uXXXX`, or of two of them that are a surrogate pair.
    private mutating func parseScalar() throws(JSONError) -> Unicode.Scalar {
        let first = try self.parseFourHexadecimalDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), self.position + 1 < self.bytes.count,
            self.bytes[self.position] == UInt8(ascii: "\\"), self.bytes[self.position + 1] == UInt8(ascii: "u")
        else { throw self.error(.loneSurrogate) }
        self.position += 2
        let second = try self.parseFourHexadecimalDigits()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x1_0000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw self.error(.loneSurrogate) }
        return scalar
    }

    private mutating func parseFourHexadecimalDigits() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            let byte = try self.peek()
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw self.error(.invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            self.position += 1
        }
        return value
    }

    // MARK: Numbers

    /// No sender of ours needs more digits; the bound keeps the conversion cheap.
    private static let numberBytesMax = 400

    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = self.position
        if self.bytes[self.position] == UInt8(ascii: "-") { self.position += 1 }
        let integerStart = self.position
        try self.skipDigits()
        if self.bytes[integerStart] == UInt8(ascii: "0"), self.position > integerStart + 1 {
            throw self.error(.invalidNumber)
        }
        var isIntegral = true
        if self.position < self.bytes.count, self.bytes[self.position] == UInt8(ascii: ".") {
            isIntegral = false
            self.position += 1
            try self.skipDigits()
        }
        if self.position < self.bytes.count, self.bytes[self.position] | 0x20 == UInt8(ascii: "e") {
            isIntegral = false
            self.position += 1
            if self.position < self.bytes.count,
                [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(self.bytes[self.position])
            {
                self.position += 1
            }
            try self.skipDigits()
        }
        guard self.position - start <= Self.numberBytesMax else { throw self.error(.numberOutOfRange) }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        if isIntegral, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw self.error(.numberOutOfRange) }
        return .number(number)
    }

    /// At least one digit.
    private mutating func skipDigits() throws(JSONError) {
        let start = self.position
        while self.position < self.bytes.count,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self.bytes[self.position])
        {
            self.position += 1
        }
        guard self.position > start else {
            throw self.error(self.position == self.bytes.count ? .unexpectedEnd : .invalidNumber)
        }
    }

    // MARK: Bounds and bytes

    private mutating func count() throws(JSONError) {
        guard self.valuesLeft > 0 else { throw self.error(.tooManyValues) }
        self.valuesLeft -= 1
    }

    private mutating func descend() throws(JSONError) {
        guard self.depthLeft > 0 else { throw self.error(.tooDeep) }
        self.depthLeft -= 1
        self.position += 1
    }

    private mutating func ascend() {
        self.depthLeft += 1
        self.position += 1
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard self.position < self.bytes.count else { throw self.error(.unexpectedEnd) }
        return self.bytes[self.position]
    }

    private mutating func skipWhiteSpace() {
        while self.position < self.bytes.count {
            switch self.bytes[self.position] {
            case 0x20, 0x09, 0x0A, 0x0D: self.position += 1
            default: return
            }
        }
    }

    private func error(_ reason: JSONError.Reason) -> JSONError {
        JSONError(reason: reason, offset: self.position)
    }
}

/// Tells repeated names. Small objects are searched; from the seventeenth name on a set is kept, so that
/// an object of thousands of names costs no quadratic time.
private struct NameSet {
    // Bytes: hashing a string puts it into its canonical form first, in quadratic time.
    private var names: Set<[UInt8]> = []

    mutating func insert(_ name: String, beside members: [JSONObject.Member]) -> Bool {
        guard members.count >= 16 else {
            return !members.contains { $0.name.utf8.elementsEqual(name.utf8) }
        }
        if self.names.isEmpty { self.names = Set(members.map { Array($0.name.utf8) }) }
        return self.names.insert(Array(name.utf8)).inserted
    }
}
