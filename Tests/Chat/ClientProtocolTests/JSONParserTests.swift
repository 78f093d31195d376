import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct JSONParserTests {
    private func reason(_ text: String) -> JSONError.Reason? { self.reason(Array(text.utf8)) }

    private func reason(_ bytes: [UInt8]) -> JSONError.Reason? {
        do throws(JSONError) {
            _ = try JSONValue(parsing: bytes)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(
        arguments: [
            ("7", 7), ("7.0", 7), ("70e-1", 7), ("-3E0", -3), ("7.5", nil), ("1e300", nil),
            ("9223372036854775808", nil),
            ("\"7\"", nil), ("true", nil), ("null", nil),
        ] as [(String, Int64?)])
    func `a number is whole however it is written`(text: String, whole: Int64?) throws {
        #expect(try JSONValue(parsing: text).asInteger == whole)
        var fields = FieldReader(JSONObject([.init(name: "n", value: try JSONValue(parsing: text))]))
        #expect(fields.requiredInteger("n", in: -10...10) == whole)
        #expect((fields.problem == nil) == (whole != nil))
    }

    @Test(arguments: [
        ("null", JSONValue.null), ("true", .bool(true)), (" false ", .bool(false)), ("0", .integer(0)),
        ("-0", .integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5", .number(1.5)), ("1E+2", .number(100)),
        ("1e-400", .number(0)), ("\"\"", .string("")),
        (#""\u00e9\n\/\"\\\b\f\r\t""#, .string("é\n/\"\\\u{8}\u{C}\r\t")),
        (#""\ud83d\ude00""#, .string("😀")), (#""\u0000""#, .string("\0")), ("[]", .array([])),
        ("{}", .object(JSONObject())),
        (
            "[1,[2],{\"a\":[]}]",
            .array([
                .integer(1), .array([.integer(2)]), .object(JSONObject([.init(name: "a", value: .array([]))])),
            ])
        ),
        (
            "\r\n\t {\"a\" : 1 , \"b\" : \"\u{7F}\" }\n",
            .object(
                JSONObject([
                    .init(name: "a", value: .integer(1)), .init(name: "b", value: .string("\u{7F}")),
                ]))
        ),
    ])
    func `a good text is read`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "True", "nan", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1_0", "--1",
        "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\t\"", "'a'", "[", "]", "[1", "[1,",
        "[1,]",
        "[,1]", "[1 2]", "{", "}", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1", "{,}", "{\"a\" 1}",
        "{1:1}",
        "1 2", "{}{}", "[]x", "null,", "// x\n1", "/* */1", "\u{FEFF}{}", "[1]\0", "\"\\ud800\"", "\"\\udc00\"",
        "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\\ud800\"", "\"\\ud83d\"", "1e309", "-1e309", "1e400",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "\u{A0}1", "[1e]", "\"\\",
    ])
    func `a bad text is refused without a trap`(text: String) {
        #expect(self.reason(text) != nil)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0xE2, 0x82, 0x22], [0x22, 0x5C, 0x6E, 0x80, 0x22], [0xFF], [0x22, 0x80],
        ] as [[UInt8]])
    func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
        #expect(self.reason(bytes) != nil)
    }

    @Test func `reasons are named`() {
        #expect(self.reason("1e309") == .numberOutOfRange)
        #expect(self.reason("\"\\ud800\"") == .loneSurrogate)
        #expect(self.reason("\u{FEFF}{}") == .byteOrderMark)
        #expect(self.reason("{\"a\":1,\"a\":2}") == .duplicateName)
        #expect(self.reason("{} {}") == .trailingBytes)
        #expect(self.reason("[1") == .unexpectedEnd)
        #expect(self.reason(String(repeating: "9", count: 401)) == .numberOutOfRange)
    }

    @Test func `depth and structure are bounded`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(self.reason(nested(64)) == nil)
        #expect(self.reason(nested(65)) == .tooDeep)
        #expect(self.reason(String(repeating: "[", count: 100_000)) == .tooDeep)
        #expect(self.reason(String(repeating: "{\"a\":", count: 10_000)) == .tooDeep)
        let many = "[" + String(repeating: "0,", count: 30_000) + "0]"
        #expect(self.reason(many) == .tooManyValues)
    }

    @Test func `a name repeated after many others is found`() {
        let names = (0..<500).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(self.reason("{\(names)}") == nil)
        #expect(self.reason("{\(names),\"k3\":1}") == .duplicateName)
    }

    @Test func `every prefix and every flipped byte of a frame is survived`() {
        let frame = Array(#"{"type":"send","ref":1,"text":"h\u00e9 \ud83d\ude00 é","n":[1.5e3,{"a":null}]}"#.utf8)
        #expect(self.reason(frame) == nil)
        for end in 0..<frame.count { #expect(self.reason(Array(frame[..<end])) != nil) }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<5_000 {
            var bytes = frame
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            _ = self.reason(bytes)
        }
    }

    @Test func `what is written is read back the same`() throws {
        let text = "\u{0}\u{1F}\"\\/é😀\u{2028}<script>\u{7F}"
        let bytes = JSONWriter.object { writer in
            writer.field("text", text)
            writer.field("number", Int64.min)
            writer.field("large", UInt64.max)
            writer.nullField("nothing")
            writer.emptyArrayField("list")
            writer.key("tree")
            writer.value(
                JSONValue.array([.integer(1), .object(JSONObject([.init(name: "a\"", value: .number(1.5))]))]))
            writer.field("flag", true)
        }
        let object = try #require(try JSONValue(parsing: bytes).asObject)
        #expect(object["text"] == .string(text))
        #expect(object["number"] == .integer(.min))
        #expect(object["nothing"] == .null)
        #expect(object["list"] == .array([]))
        #expect(object["flag"] == .bool(true))
        #expect(String(decoding: bytes, as: UTF8.self).contains("\"large\":18446744073709551615,"))
        #expect(object["tree"]?.asArray?.last?.asObject?["a\""] == .number(1.5))
    }
}
