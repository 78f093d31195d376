import Foundation
import Testing

@testable import ClientProtocol

/// docs/errors.md against the tables in the source.
@Suite struct ErrorPageTests {
    private let page: String

    init() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        self.page = try String(contentsOf: root.appending(path: "docs/errors.md"), encoding: .utf8)
    }

    @Test func `every code stands on the page with its status, and no other`() {
        for code in ProblemCode.allCases {
            #expect(self.page.contains("| \(code.status) | `\(code.rawValue)` |"), "\(code)")
        }
        let lines = self.page.split(separator: "\n").filter { $0.contains(/^\| [0-9]{3} \| `/) }
        #expect(lines.count == ProblemCode.allCases.count)
    }

    @Test func `every close code stands on the page with what the client does`() {
        for code in CloseCode.allCases {
            let line = self.page.split(separator: "\n").first { $0.hasPrefix("| \(code.rawValue) |") }
            #expect(line?.contains("reconnects") == code.mayReconnect, "\(code)")
        }
    }
}
