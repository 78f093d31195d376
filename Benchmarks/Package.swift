// swift-tools-version: 6.2
import PackageDescription

// Time and allocations of the parts that every message passes. A package of its own, so that the product neither
// builds nor carries it; it compiles the product's own sources, through links, since what it measures is internal
// to them. Run: swift run -c release roost-benchmarks [--filter text]

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", swiftSettings: swiftSettings)
}

let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
    name: "roost-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        module("Core", "ClusterModel"),
        module("Core", "Failpoints"),
        module("Core", "ChatModel", ["ClusterModel"]),
        module("Core", "Placement", ["ClusterModel"]),
        module("Core", "Raft", ["ClusterModel", collections]),
        .target(name: "CPrefetch", path: "Sources/Core/CPrefetch"),
        module("Core", "ChatMachine", ["ClusterModel", "ChatModel", "Placement", "CPrefetch", collections]),
        .systemLibrary(name: "CLinuxURing", path: "Sources/Storage/CLinuxURing", pkgConfig: "liburing"),
        .target(name: "CChecksum", path: "Sources/Storage/CChecksum"),
        module("Storage", "WriteAheadLog", ["ClusterModel", "Failpoints", "CLinuxURing", "CChecksum", collections, log]),
        .target(
            name: "CSearchTokenizer", path: "Sources/Storage/CSearchTokenizer",
            linkerSettings: [.linkedLibrary("sqlite3")]),
        module(
            "Storage", "Projections",
            ["ClusterModel", "ChatModel", "ChatMachine", "Failpoints", "CSearchTokenizer", crypto, grdb, log]),
        module(
            "Cluster", "PeerTransport",
            ["ClusterModel", "Failpoints", nioCore, nioPosix, nioTLS, nioSSL, crypto, x509, asn1, log, collections]),
        .target(name: "CAllocations", path: "Sources/CAllocations"),
        .executableTarget(
            name: "roost-benchmarks",
            dependencies: [
                "CAllocations", "ClusterModel", "ChatModel", "Placement", "Raft", "ChatMachine", "WriteAheadLog",
                "Projections", "PeerTransport", nioCore, nioPosix, log,
            ],
            path: "Sources/RoostBenchmarks", swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
