import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Some real nodes with one key and one seed list, in a folder of their own that goes with them.
package final class ProcessCluster {
    package let nodes: [NodeProcess]
    private let folder: URL

    /// The program under test: `ROOST_BIN`, else the executable beside the tests' own.
    package static var binary: URL? {
        if let path = ProcessInfo.processInfo.environment["ROOST_BIN"] { return URL(filePath: path) }
        // The test runner stands in the build folder, or in a bundle there.
        var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<4 {
            let candidate = folder.appending(path: "roost")
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), !isFolder.boolValue {
                return candidate
            }
            folder.deleteLastPathComponent()
        }
        let built = URL(filePath: FileManager.default.currentDirectoryPath).appending(path: ".build/debug/roost")
        return FileManager.default.isExecutableFile(atPath: built.path) ? built : nil
    }

    /// - Throws: when there is no binary or the key cannot be made.
    package init(size: Int) throws {
        guard let binary = Self.binary else { throw CocoaError(.fileNoSuchFile) }
        let folder = FileManager.default.temporaryDirectory.appending(path: "roost-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.folder = folder
        let key = folder.appending(path: "cluster.key")
        let maker = try Process.run(binary, arguments: ["key", "new", "--out", key.path])
        maker.waitUntilExit()
        guard maker.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }

        let ports = try Self.freePorts(2 * size)
        let seeds = ports[size...].map { "127.0.0.1:\($0)" }.joined(separator: ",")
        let options =
            ["--registration", "open", "--rate-limits", "off", "--cluster-key-file", key.path]
            + (size > 1 ? ["--seeds", seeds] : [])
        self.nodes = (0..<size).map { index in
            NodeProcess(
                binary: binary, folder: folder.appending(path: "n\(index + 1)"), httpPort: ports[index],
                peerPort: ports[size + index], options: options)
        }
    }

    deinit {
        for node in self.nodes { node.kill() }
        try? FileManager.default.removeItem(at: self.folder)
    }

    package func start() async throws {
        for node in self.nodes { try node.start() }
        for node in self.nodes { try await node.waitReady() }
    }

    /// Ports that nothing listens on now; held open together while they are chosen, so they differ.
    private static func freePorts(_ count: Int) throws -> [UInt16] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            guard bound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            return UInt16(bigEndian: address.sin_port)
        }
    }
}
