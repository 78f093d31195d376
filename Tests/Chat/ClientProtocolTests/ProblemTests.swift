import ChatModel
import Testing

@testable import ClientProtocol

@Suite struct ProblemTests {
    @Test func `every refusal has a code of the client's class`() {
        // These two pass by themselves: whoever asks again later is answered.
        let passing: Set<Refusal> = [.tooFarBehind, .congested]
        for refusal in Refusal.allCases where !passing.contains(refusal) {
            #expect((400..<500).contains(ProblemCode(refusal).status))
        }
        for refusal in passing { #expect(ProblemCode(refusal).status == 503) }
    }

    @Test func `whoever must wait is told how long`() {
        for code in ProblemCode.allCases where [429, 503].contains(code.status) {
            #expect(Problem(code).retryAfterSeconds != nil)
        }
    }

    @Test func `a problem has the fields of RFC 9457 and ours`() throws {
        let problem = Problem([FieldError(field: "name", detail: "is required")])
        let object = try #require(try JSONValue(parsing: problem.body(requestID: "r1")).asObject)
        #expect(
            object.members.map(\.name) == ["type", "title", "status", "code", "detail", "request_id", "errors"])
        #expect(object["status"] == .integer(422))
        #expect(object["request_id"] == .string("r1"))
        #expect(object["errors"]?.asArray?.first?.asObject?["field"] == .string("name"))
    }

    @Test func `close reasons fit into a control frame`() {
        for code in CloseCode.allCases { #expect(code.reason.utf8CodeUnitCount <= 123) }
        for code in CloseCode.allCases where (4400...4499).contains(code.rawValue) { #expect(!code.mayReconnect) }
        for code in CloseCode.allCases where (4000...4099).contains(code.rawValue) { #expect(code.mayReconnect) }
    }
}
