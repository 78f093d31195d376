// Mutual TLS from the cluster key alone: the certificate authority is derived, never stored.

import Crypto
import FoundationEssentials
import NIOSSL
import SwiftASN1
import X509

/// The cluster's certificate authority, the same on every node that holds the cluster key.
///
/// HKDF-SHA256 (RFC 5869) makes the P-256 key; name, serial number and validity are fixed. The signature
/// under the authority's own certificate differs from node to node, since ECDSA is randomised; nobody looks
/// at it: the certificate is never sent, and each node trusts the one that it derived.
struct ClusterAuthority {
    private let key: P256.Signing.PrivateKey
    private let name: DistinguishedName
    let certificate: Certificate
    /// Hexadecimal SHA-256 of the authority's public key; it stands in every node's certificate.
    let fingerprint: String

    init(_ clusterKey: ClusterKey) throws {
        self.key = Self.derive(clusterKey)
        let hash = SHA256.hash(data: self.key.publicKey.x963Representation)
        let fingerprint = hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        self.fingerprint = fingerprint
        self.name = try DistinguishedName {
            OrganizationName("Roost")
            CommonName("Roost cluster \(fingerprint.prefix(16))")
        }
        let privateKey = Certificate.PrivateKey(self.key)
        self.certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(bytes: [1]), publicKey: privateKey.publicKey,
            notValidBefore: Date(timeIntervalSince1970: 1_735_689_600),  // 2025-01-01
            notValidAfter: Date(timeIntervalSince1970: 4_891_363_200),  // 2125-01-01
            issuer: self.name, subject: self.name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
            },
            issuerPrivateKey: privateKey)
    }

    /// Candidates in order until one is a scalar of the curve. A candidate fails with chance 2^-32, and then
    /// fails on every node alike.
    private static func derive(_ clusterKey: ClusterKey) -> P256.Signing.PrivateKey {
        let material = SymmetricKey(data: clusterKey.bytes)
        for candidate in 0...UInt8.max {
            let scalar = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: material, salt: Array("roost-cluster-key-v1".utf8),
                info: Array("certificate authority P-256".utf8) + [candidate], outputByteCount: 32)
            if let key = try? P256.Signing.PrivateKey(rawRepresentation: scalar.withUnsafeBytes(Array.init)) {
                return key
            }
        }
        preconditionFailure("256 candidates in a row are no scalars of P-256: chance 2^-8192")
    }

    /// A certificate for a key made just now. Neither leaves the process.
    ///
    /// - Parameter name: The node's name: a person's help when reading a trace, not what is trusted.
    func issue(name: String, now: Date = Date()) throws -> NodeCredential {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName {
            OrganizationName("Roost")
            CommonName(String(name.prefix(64)))
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            // A day back, since a new certificate tells nothing about age and clocks of small teams differ;
            // ten years ahead, since a process may run long and the certificate dies with it.
            notValidBefore: now.addingTimeInterval(-86_400), notValidAfter: now.addingTimeInterval(10 * 365 * 86_400),
            issuer: self.name, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames([
                    .uniformResourceIdentifier("roost://\(self.fingerprint)/\(Self.uriPath(name))")
                ])
            },
            issuerPrivateKey: Certificate.PrivateKey(self.key))
        return NodeCredential(certificate: certificate, key: key)
    }

    /// `name` with everything but letters, digits, `-`, `.` and `_` replaced: a SAN URI is ASCII.
    private static func uriPath(_ name: String) -> String {
        String(
            name.unicodeScalars.map { scalar in
                let keeps = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                return keeps || "-._".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
            })
    }
}

/// A node's own key and the certificate over it.
struct NodeCredential {
    let certificate: Certificate
    let key: Certificate.PrivateKey
}

/// The two halves of mutual TLS 1.3 for one process.
struct PeerTLS: Sendable {
    let server: NIOSSLContext
    let client: NIOSSLContext

    /// What a dialler asks for (RFC 6066, section 3) when the connection is for Raft: all that can be seen of a
    /// connection's purpose before its handshake. Nothing is believed because of it.
    static let raftServerName = "raft.roost.internal"

    init(key: ClusterKey, nodeName: String) throws {
        let authority = try ClusterAuthority(key)
        let credential = try authority.issue(name: nodeName)
        let trusted = NIOSSLTrustRoots.certificates([try Self.native(authority.certificate)])
        let chain = [NIOSSLCertificateSource.certificate(try Self.native(credential.certificate))]
        let privateKey = NIOSSLPrivateKeySource.privateKey(
            try NIOSSLPrivateKey(bytes: Array(credential.key.serializeAsPEM().pemString.utf8), format: .pem))

        var server = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: privateKey)
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateChain = chain
        client.privateKey = privateKey
        self.server = try NIOSSLContext(configuration: Self.harden(&server, trusting: trusted))
        self.client = try NIOSSLContext(configuration: Self.harden(&client, trusting: trusted))
    }

    /// No host name is checked: addresses come from seed lists, and the derived authority vouches for nodes only.
    private static func harden(_ tls: inout TLSConfiguration, trusting roots: NIOSSLTrustRoots) -> TLSConfiguration {
        tls.minimumTLSVersion = .tlsv13
        tls.maximumTLSVersion = .tlsv13
        tls.trustRoots = roots
        tls.certificateVerification = .noHostnameVerification
        tls.renegotiationSupport = .none
        return tls
    }

    private static func native(_ certificate: Certificate) throws -> NIOSSLCertificate {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
    }
}
