import Glibc
import Testing

@testable import WriteAheadLog

@Suite struct FaultMatrixTests {
    struct Cell: Sendable, CustomTestStringConvertible {
        let fault: MatrixFault
        let place: MatrixPlace
        var testDescription: String { "\(self.fault.rawValue) / \(self.place.rawValue)" }
    }

    static let cells = MatrixFault.allCases.flatMap { fault in
        MatrixPlace.allCases.filter { FaultMatrix.applies(fault, at: $0) }.map { Cell(fault: fault, place: $0) }
    }

    /// What was not acknowledged may go; what was is there, or the shard says that it is damaged.
    @Test(arguments: cells)
    func `no fault makes a log silently shorter`(cell: Cell) throws {
        let outcome = try FaultMatrix.run(cell.fault, at: cell.place)
        if cell.fault.isOfWrite {
            // Nothing that was acknowledged was touched.
            #expect([.recovered, .truncated].contains(outcome), "\(outcome)")
        }
        if cell.fault == .failedRead { #expect(outcome == .refused("read failed")) }
    }

    @Test(arguments: 0..<20)
    func `a write may be torn at any sector`(offset: Int) throws {
        for fault in [MatrixFault.tornAtSector, .lostMiddle] {
            let outcome = try FaultMatrix.run(fault, at: .tail, sectorOffset: offset)
            #expect(outcome == .truncated)
        }
    }

    @Test func `docs show the matrix as it is`() throws {
        let table = try Self.table()
        let path = try #require(Self.documentPath)
        let document = try #require(Self.read(path))
        let begin = "<!-- matrix: begin -->\n"
        let end = "<!-- matrix: end -->"
        let parts = try #require(document.range(of: begin, to: end))
        if getenv("ROOST_WRITE_MATRIX") != nil {
            let written = String(document[..<parts.lowerBound]) + table + String(document[parts.upperBound...])
            try #require(Self.write(written, to: path))
        } else {
            #expect(
                String(document[parts]) == table, "regenerate with ROOST_WRITE_MATRIX=1 swift test --filter FaultMatrix"
            )
        }
    }

    private static func table() throws -> String {
        var lines = ["| fault | " + MatrixPlace.allCases.map(\.rawValue).joined(separator: " | ") + " |"]
        lines.append("|" + String(repeating: " --- |", count: MatrixPlace.allCases.count + 1))
        for fault in MatrixFault.allCases {
            let cells = try MatrixPlace.allCases.map { place in
                FaultMatrix.applies(fault, at: place) ? "\(try FaultMatrix.run(fault, at: place))" : ""
            }
            lines.append("| \(fault.rawValue) | " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static var documentPath: String? {
        guard let resolved = realpath(#filePath, nil) else { return nil }
        defer { free(resolved) }
        let parts = String(cString: resolved).split(separator: "/", omittingEmptySubsequences: false)
        return (parts.dropLast(4) + ["docs", "wal.md"]).joined(separator: "/")
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        defer { fclose(file) }
        return fputs(text, file) >= 0
    }
}

extension String {
    /// What stands between two marks.
    fileprivate func range(of begin: String, to end: String) -> Range<String.Index>? {
        func find(_ mark: String, from start: String.Index) -> Range<String.Index>? {
            var index = start
            while index < self.endIndex {
                if self[index...].hasPrefix(mark) { return index..<self.index(index, offsetBy: mark.count) }
                index = self.index(after: index)
            }
            return nil
        }
        guard let first = find(begin, from: self.startIndex), let last = find(end, from: first.upperBound) else {
            return nil
        }
        return first.upperBound..<last.lowerBound
    }
}
