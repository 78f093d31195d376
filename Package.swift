// swift-tools-version: 6.2
import PackageDescription

// Layers as folders; arrows point down only. `Core` imports the standard library and
// swift-collections and nothing else; see ARCHITECTURE.md for the reading order.

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", swiftSettings: swiftSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Executables/\(name)", swiftSettings: swiftSettings)
}

func tests(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, path: "Tests/\(layer)/\(name)Tests",
        swiftSettings: swiftSettings)
}

let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTestUtils = Target.Dependency.product(name: "NIOTestUtils", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "roost",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "roost", targets: ["roost"]),
        .executable(name: "roost-simulate", targets: ["roost-simulate"]),
        .executable(name: "roost-load", targets: ["roost-load"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // Core: pure state machines. No I/O, no clock, no randomness of their own.
        module("Core", "ClusterModel"),
        module("Core", "ChatModel", ["ClusterModel"]),
        module("Core", "Telemetry"),
        module("Core", "Failpoints"),
        module("Core", "Placement", ["ClusterModel"]),
        module("Core", "SWIM", ["ClusterModel"]),
        module("Core", "Founding", ["ClusterModel"]),
        module("Core", "Raft", ["ClusterModel", collections]),
        .target(name: "CPrefetch", path: "Sources/Core/CPrefetch"),
        module("Core", "ChatMachine", ["ClusterModel", "ChatModel", "Placement", "CPrefetch", collections]),

        // Storage: the node's disk.
        .systemLibrary(
            name: "CLinuxURing", path: "Sources/Storage/CLinuxURing", pkgConfig: "liburing",
            providers: [.apt(["liburing-dev"])]),
        .target(name: "CChecksum", path: "Sources/Storage/CChecksum"),
        module(
            "Storage", "WriteAheadLog", ["ClusterModel", "Failpoints", "CLinuxURing", "CChecksum", collections, log]),
        .target(
            name: "CSearchTokenizer", path: "Sources/Storage/CSearchTokenizer",
            linkerSettings: [.linkedLibrary("sqlite3")]),
        module(
            "Storage", "Projections",
            ["ClusterModel", "ChatModel", "ChatMachine", "Failpoints", "CSearchTokenizer", crypto, grdb, log]),

        // Cluster: nodes speaking with each other.
        module("Cluster", "Descriptors", ["Telemetry", nioCore, log]),
        module(
            "Cluster", "PeerTransport",
            ["ClusterModel", "Failpoints", nioCore, nioPosix, nioTLS, nioSSL, crypto, x509, asn1, log, collections]),
        module("Cluster", "ClusterActors", ["ClusterModel", "PeerTransport", nioCore, log, collections]),
        module(
            "Cluster", "Membership",
            ["ClusterModel", "Placement", "SWIM", "Founding", "ClusterActors", "PeerTransport", nioCore, log]),
        module(
            "Cluster", "Replication",
            [
                "ClusterModel", "ChatModel", "Raft", "Placement", "ChatMachine", "WriteAheadLog", "Projections",
                "ClusterActors", "PeerTransport", "Membership", "Failpoints", nioCore, nioPosix, log, collections,
                atomics,
            ]),

        // Chat: the product between the log and the sockets.
        module("Chat", "ClientProtocol", ["ClusterModel", "ChatModel"]),
        module(
            "Chat", "Identity",
            ["ClusterModel", "ChatModel", "ClientProtocol", "ChatService", crypto, cryptoExtras, jwt, nioPosix]),
        module("Chat", "ChatService", ["ClusterModel", "ChatModel", collections]),
        module("Chat", "Fanout", ["ClusterModel", "ChatModel", "ClientProtocol", "ChatService", nioCore, collections]),
        module("Chat", "Presence", ["ClusterModel", "ChatModel", "Placement"]),
        module(
            "Chat", "Routing",
            [
                "ClusterModel", "ChatModel", "ChatMachine", "ChatService", "Presence", "Placement", "ClusterActors",
                "PeerTransport", "Raft", "Replication", "Membership", "SWIM", "Failpoints", log, nioCore, collections,
            ]),

        // Edge: HTTP and WebSocket.
        module(
            "Edge", "Gateway",
            [
                "ClusterModel", "ClusterActors", "ChatModel", "Telemetry", "ClientProtocol", "ChatService", "Identity",
                "Fanout", nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL, nioHTTPTypes, nioHTTPTypesHTTP1, httpTypes,
                hummingbird, hummingbirdTLS, hummingbirdHTTP2, crypto, log, metrics, lifecycle, collections, atomics,
            ]),

        // Executables.
        .target(name: "CAllocator", path: "Sources/Executables/CAllocator"),
        program(
            "roost",
            [
                "CAllocator",
                "ClusterModel", "ChatModel", "Founding", "Placement", "PeerTransport", "ClusterActors", "Membership",
                "Replication", "Routing", "Fanout", "ClientProtocol", "ChatService", "Identity", "Gateway", "Raft",
                "SWIM", "WriteAheadLog", "ChatMachine", "Failpoints", "Descriptors",
                "Telemetry", hummingbird,
                arguments, configuration, system, signals, log, httpClient, nioCore, nioPosix, nioWebSocket, nioHTTP1,
                nioSSL,
            ]),
        program("roost-simulate", ["Simulation", "ClusterModel", arguments]),
        program(
            "roost-load",
            [
                "ClusterModel", "ChatModel", "ClientProtocol", "Placement", "PeerTransport", "ClusterActors",
                "Replication", "Routing", "HistoryChecker", "ChaosReport", nioCore, nioPosix, nioHTTP1, nioWebSocket,
                httpClient, arguments, log,
            ]),

        // Testing.
        module("Testing", "MemoryProjection", ["ClusterModel", "ChatModel", "ChatMachine"]),
        module(
            "Testing", "Simulation",
            [
                "ClusterModel", "ChatModel", "ChatMachine", "MemoryProjection", "ChatService", "Placement", "Raft",
                "SWIM",
                "WriteAheadLog", "Projections", "Replication", "Routing", "Fanout", nioCore, log, collections,
            ]),
        module("Testing", "HistoryChecker"),
        module("Testing", "ChaosReport", ["HistoryChecker"]),
        module("Testing", "ClusterHarness", ["ClusterModel", httpClient, nioCore, nioHTTP1]),

        tests("Core", "ClusterModel"),
        tests("Core", "ChatModel", ["ClusterModel"]),
        tests("Core", "Telemetry"),
        tests("Core", "Failpoints"),
        tests("Core", "Placement", ["ClusterModel"]),
        tests("Core", "SWIM", ["ClusterModel"]),
        tests("Core", "Founding", ["ClusterModel"]),
        .testTarget(
            name: "RaftTests", dependencies: ["Raft", "ClusterModel"], path: "Tests/Core/RaftTests",
            exclude: ["Conversations"], swiftSettings: swiftSettings),
        tests("Core", "ChatMachine", ["ClusterModel", "ChatModel", "MemoryProjection"]),
        tests("Storage", "WriteAheadLog", ["ClusterModel", log]),
        tests(
            "Storage", "Projections",
            ["ClusterModel", "ChatModel", "ChatMachine", "MemoryProjection", "Placement", "Failpoints"]),
        tests("Cluster", "Descriptors"),
        tests("Cluster", "PeerTransport", ["ClusterModel", nioCore, nioPosix, nioTestUtils, nioSSL, log]),
        tests("Cluster", "ClusterActors", ["ClusterModel", "PeerTransport", nioCore, nioPosix, log]),
        tests("Cluster", "Membership", ["ClusterModel", "Founding", log]),
        tests("Cluster", "Replication", ["ClusterModel", "ChatModel", "Raft", "WriteAheadLog"]),
        tests("Chat", "ClientProtocol", ["ClusterModel", "ChatModel"]),
        tests("Chat", "Identity", ["ClusterModel", "ChatModel", "ClientProtocol", "ChatService", crypto, jwt]),
        tests("Chat", "Presence", ["ClusterModel", "ChatModel", "Placement"]),
        tests("Chat", "Fanout", ["ClusterModel", "ChatModel", "ChatService", nioCore]),
        tests(
            "Chat", "Routing",
            [
                "ClusterModel", "ChatModel", "ChatMachine", "ChatService", "Failpoints", "Placement", "Raft",
                "Replication", "WriteAheadLog", nioCore, nioPosix, log,
            ]),
        tests(
            "Edge", "Gateway",
            [
                "ClusterModel", "ChatModel", "ChatMachine", "MemoryProjection", "ClientProtocol", "ChatService",
                "Identity", "Fanout", "Telemetry", "Placement", nioCore, nioPosix, nioEmbedded, nioTestUtils,
                hummingbird, httpTypes, log,
            ]),
        tests("Testing", "HistoryChecker", ["ChaosReport"]),
        .testTarget(
            name: "SimulationTests", dependencies: ["Simulation", "ClusterModel", "Raft", "SWIM", nioCore],
            path: "Tests/SimulationTests", swiftSettings: swiftSettings),
        .testTarget(
            name: "ClusterTests", dependencies: ["ClusterHarness", "ClusterModel"], path: "Tests/ClusterTests",
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
