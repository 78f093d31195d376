// JSON as clients send it: a strict tree for small documents from strangers.

/// A parsed JSON text (RFC 8259).
///
/// Numbers without fraction and exponent that fit are `.integer`; all others are `.number` and finite.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object in the order of the text. Names are unique: the parser refuses a repeated one.
package struct JSONObject: Sendable, Hashable {
    package struct Member: Sendable, Hashable {
        package let name: String
        package let value: JSONValue
        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    /// The value of `name`, nil when it is absent. Linear: objects of this protocol have few members.
    ///
    /// Names are the same when their bytes are. Comparing strings would put a stranger's combining marks into their
    /// canonical order first, which takes quadratic time.
    package subscript(name: String) -> JSONValue? {
        for member in self.members where member.name.utf8.elementsEqual(name.utf8) { return member.value }
        return nil
    }
}

extension JSONValue {
    package var asObject: JSONObject? { if case .object(let object) = self { object } else { nil } }
    package var asArray: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    package var asString: String? { if case .string(let string) = self { string } else { nil } }
    /// A whole number, however it is written: `7`, `7.0` and `70e-1` are the same in JSON Schema, and in JavaScript.
    package var asInteger: Int64? {
        switch self {
        case .integer(let integer): integer
        case .number(let number): Int64(exactly: number)
        default: nil
        }
    }
    package var asBool: Bool? { if case .bool(let bool) = self { bool } else { nil } }

    /// Parses exactly one JSON text. White space may stand around it, nothing else.
    package init(parsing bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = .standard) throws(JSONError) {
        var parser = JSONParser(bytes, limits: limits)
        self = try parser.parseDocument()
    }

    package init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
        // The closure form can not rethrow a typed error, so the result travels as a value.
        let parsed: Result<JSONValue, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(buffer, limits: limits)
            do throws(JSONError) { return .success(try parser.parseDocument()) } catch { return .failure(error) }
        }
        self = try parsed.get()
    }

    package init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// How much structure one text may have; its length is bounded by whoever received it.
package struct JSONLimits: Sendable {
    /// Arrays and objects within each other.
    package let depthMax: Int
    /// Values and names in the whole text.
    package let valuesMax: Int

    package init(depthMax: Int, valuesMax: Int) {
        self.depthMax = depthMax
        self.valuesMax = valuesMax
    }

    package static let standard = JSONLimits(depthMax: 64, valuesMax: 20_000)
}

/// Why a text is not JSON that we take. All reasons mean the same to the sender: 400, or close 4400.
package struct JSONError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case unexpectedEnd
        case unexpectedByte
        case byteOrderMark
        case controlCharacter
        case invalidEscape
        case loneSurrogate
        case invalidUTF8
        case invalidNumber
        /// A number that is no finite double, for example 1e309.
        case numberOutOfRange
        case tooDeep
        case tooManyValues
        case duplicateName
        case trailingBytes
    }

    package let reason: Reason
    /// Where the parser stood, in bytes from the start.
    package let offset: Int
}
