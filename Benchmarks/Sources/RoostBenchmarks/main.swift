import Foundation
import Logging

// swift run -c release roost-benchmarks [--filter text]
let arguments = CommandLine.arguments.dropFirst()
guard arguments.isEmpty || (arguments.count == 2 && arguments.first == "--filter") else {
    FileHandle.standardError.write(Data("usage: roost-benchmarks [--filter text]\n".utf8))
    exit(2)
}
LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
let harness = Harness(filter: arguments.last)
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("roost-benchmarks-\(getpid())").path
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: folder) }
try CoreBenchmarks.run(harness)
RaftBenchmarks.run(harness)
try StorageBenchmarks.run(harness, folder: folder)
try await TransportBenchmarks.run(harness)
