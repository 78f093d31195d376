import Foundation
import Testing

@testable import ClientProtocol

/// docs/socket.md against the sources that read and write frames.
@Suite struct SocketPageTests {
    private let page: String
    private let sources: URL

    init() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        self.page = try String(contentsOf: root.appending(path: "docs/socket.md"), encoding: .utf8)
        self.sources = root.appending(path: "Sources/Chat/ClientProtocol")
    }

    private func source(_ name: String) throws -> String {
        try String(contentsOf: self.sources.appending(path: name), encoding: .utf8)
    }

    @Test func `every frame that a client may send stands on the page, and no other`() throws {
        let text = try self.source("ClientFrame.swift")
        let parser = try #require(text.range(of: "switch type {"))
        let end = try #require(text[parser.upperBound...].range(of: "default:"))
        let lines = text[parser.upperBound..<end.lowerBound].split(separator: "\n").filter { $0.contains("case ") }
        let types = Set(
            lines.flatMap { $0.split(separator: ":")[0].matches(of: /"([a-z.]+)"/).map { String($0.output.1) } })
        #expect(types.count >= 15)
        // Each of them is really read: it is refused for its fields, if at all, and not for its type.
        for type in types {
            if case .refused(let problem, _) = ClientFrame.parse(Array(#"{"type":"\#(type)"}"#.utf8)) {
                #expect(problem.code != .unknownType, "\(type)")
            }
        }
        // `auth` has a chapter, all others a line in the table of requests.
        let table = try #require(self.page.split(separator: "| request |").last?.split(separator: "\n\n").first)
        let requests = table.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let written = requests.flatMap { line in
            line.split(separator: "|")[0].matches(of: /(?:`|, )([a-z]+(?:\.[a-z]+)?)/).map { String($0.output.1) }
        }
        #expect(self.page.contains(#"{"type":"auth""#))
        for type in types where type != "auth" { #expect(written.contains(type), "\(type)") }
        let first = requests.compactMap { $0.firstMatch(of: /^\| `([a-z.]+)/)?.output.1 }.map(String.init)
        #expect(!first.isEmpty && Set(first).isSubset(of: types))
    }

    @Test func `every frame that a node may send stands on the page`() throws {
        var types: Set<String> = []
        for name in ["ServerFrame.swift", "JSONWriter+Notices.swift"] {
            let text = try self.source(name)
            types.formUnion(text.matches(of: /field\("type", "([a-z.]+)"\)/).map { String($0.output.1) })
        }
        let events = try self.source("JSONWriter+Events.swift").matches(of: /: "([a-z]+\.[a-z]+)"/)
        #expect(events.count == 13)
        types.formUnion(events.map { String($0.output.1) })
        #expect(types.count >= 30)
        for type in types {
            #expect(
                self.page.contains("`\(type)`") || self.page.contains("`\(type) {")
                    || self.page.contains(#""type":"\#(type)""#), "\(type)")
        }
    }
}
