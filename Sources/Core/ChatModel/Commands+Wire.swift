import ClusterModel

// The binary forms of commands and what stands beside them in the log. The kind numbers are for ever:
// changed semantics are a new number, and an unknown one stops a node instead of being skipped.

extension ShardKey: Wire {
    private enum Kind: UInt8, ByteCoded {
        case directory = 1
        case user = 2
        case channel = 3
        case shard = 4
        static var wireName: StaticStringName { "ShardKey" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .directory: writer.write(Kind.directory)
        case .user(let user):
            writer.write(Kind.user)
            writer.write(user)
        case .channel(let channel):
            writer.write(Kind.channel)
            writer.write(channel)
        case .shard(let shard):
            writer.write(Kind.shard)
            writer.write(shard)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .directory: self = .directory
        case .user: self = .user(try reader.read())
        case .channel: self = .channel(try reader.read())
        case .shard: self = .shard(try reader.read())
        }
    }
}

extension IdempotencyKey: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.key)
        writer.write(self.fingerprint)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            user: try reader.read(), key: try reader.read(String.self, max: WireLimits.key),
            fingerprint: try reader.read())
    }
}

extension NameKind: ByteCoded { package static var wireName: StaticStringName { "NameKind" } }

extension UniqueName: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind)
        writer.write(self.name)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(kind: try reader.read(), name: try reader.read(String.self, max: WireLimits.name))
    }
}

extension NameOwner: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .user(let user):
            writer.write(NameKind.user)
            writer.write(user)
        case .channel(let channel):
            writer.write(NameKind.channel)
            writer.write(channel)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(NameKind.self) {
        case .user: self = .user(try reader.read())
        case .channel: self = .channel(try reader.read())
        }
    }
}

/// The number of a command in the log.
package enum CommandKind: UInt8, Sendable, Hashable, CaseIterable, ByteCoded {
    case registerNode = 1
    case activateNode = 2
    case setNodeState = 3
    case bootNode = 4
    case initialise = 5
    case reserveName = 6
    case confirmName = 7
    case releaseName = 8
    case revokeSession = 9
    case createUser = 32
    case abortUser = 33
    case startSession = 34
    case rotateSession = 35
    case endSession = 36
    case setMembership = 37
    case createChannel = 64
    case abortChannel = 65
    case joinChannel = 66
    case leaveChannel = 67
    case addMember = 68
    case removeMember = 69
    case postMessage = 70
    case applyEffect = 96
    case outboxDelivered = 97
    // Directory, second part: in this order behind the others, which the golden table was made with.
    case startNode = 10
    case activateNodes = 11
    case drainNode = 12
    case removeNode = 13
    case buryNode = 14
    case setActiveVersion = 15
    package static var wireName: StaticStringName { "Command" }
}

extension Command: Wire {
    package var kind: CommandKind {
        switch self {
        case .registerNode: .registerNode
        case .activateNode: .activateNode
        case .setNodeState: .setNodeState
        case .bootNode: .bootNode
        case .initialise: .initialise
        case .reserveName: .reserveName
        case .confirmName: .confirmName
        case .releaseName: .releaseName
        case .revokeSession: .revokeSession
        case .createUser: .createUser
        case .abortUser: .abortUser
        case .startSession: .startSession
        case .rotateSession: .rotateSession
        case .endSession: .endSession
        case .setMembership: .setMembership
        case .createChannel: .createChannel
        case .abortChannel: .abortChannel
        case .joinChannel: .joinChannel
        case .leaveChannel: .leaveChannel
        case .addMember: .addMember
        case .removeMember: .removeMember
        case .postMessage: .postMessage
        case .applyEffect: .applyEffect
        case .outboxDelivered: .outboxDelivered
        case .startNode: .startNode
        case .activateNodes: .activateNodes
        case .drainNode: .drainNode
        case .removeNode: .removeNode
        case .buryNode: .buryNode
        case .setActiveVersion: .setActiveVersion
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind)
        switch self {
        case .registerNode(let node): writer.write(node)
        case .activateNode(let node): writer.write(node)
        case .setNodeState(let node, let state):
            writer.write(node)
            writer.write(state)
        case .bootNode(let node, let boot, let address, let clientAddress):
            writer.write(node)
            writer.write(boot)
            writer.write(address)
            writer.write(clientAddress)
        case .initialise(let secrets, let registration):
            writer.write(secrets)
            writer.write(registration)
        case .reserveName(let name, let owner, let listed):
            writer.write(name)
            writer.write(owner)
            writer.write(listed)
        case .confirmName(let name, let owner), .releaseName(let name, let owner):
            writer.write(name)
            writer.write(owner)
        case .revokeSession(let session, let user, let until):
            writer.write(session)
            writer.write(user)
            writer.write(until)
        case .createUser(let user): writer.write(user)
        case .abortUser(let user): writer.write(user)
        case .startSession(let session): writer.write(session)
        case .rotateSession(let user, let session, let generation):
            writer.write(user)
            writer.write(session)
            writer.writeVariable(generation)
        case .endSession(let user, let session):
            writer.write(user)
            writer.write(session)
        case .setMembership(let user, let channel, let isMember, let version):
            writer.write(user)
            writer.write(channel)
            writer.write(isMember)
            writer.writeVariable(version)
        case .createChannel(let channel, let name, let type, let topic, let actor, let key):
            writer.write(channel)
            writer.write(name)
            writer.write(type)
            writer.write(topic)
            writer.write(actor)
            writer.write(key)
        case .abortChannel(let channel): writer.write(channel)
        case .joinChannel(let channel, let actor), .leaveChannel(let channel, let actor):
            writer.write(channel)
            writer.write(actor)
        case .addMember(let channel, let user, let actor), .removeMember(let channel, let user, let actor):
            writer.write(channel)
            writer.write(user)
            writer.write(actor)
        case .postMessage(let channel, let content, let actor, let key):
            writer.write(channel)
            writer.write(content)
            writer.write(actor)
            writer.write(key)
        case .applyEffect(let entry): writer.write(entry)
        case .outboxDelivered(let target, let through):
            writer.write(target)
            writer.write(through)
        case .startNode(let start): writer.write(start)
        case .activateNodes(let nodes): writer.write(nodes)
        case .drainNode(let node), .removeNode(let node), .buryNode(let node): writer.write(node)
        case .setActiveVersion(let version): writer.write(version)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(CommandKind.self) {
        case .registerNode: self = .registerNode(try reader.read())
        case .activateNode: self = .activateNode(try reader.read())
        case .setNodeState: self = .setNodeState(try reader.read(), try reader.read())
        case .bootNode:
            self = .bootNode(
                try reader.read(), boot: try reader.read(), address: try reader.read(),
                clientAddress: try reader.read(String.self, max: 300))
        case .initialise: self = .initialise(try reader.read(), try reader.read())
        case .reserveName: self = .reserveName(try reader.read(), try reader.read(), listed: try reader.read())
        case .confirmName: self = .confirmName(try reader.read(), try reader.read())
        case .releaseName: self = .releaseName(try reader.read(), try reader.read())
        case .revokeSession: self = .revokeSession(try reader.read(), try reader.read(), until: try reader.read())
        case .createUser: self = .createUser(try reader.read())
        case .abortUser: self = .abortUser(try reader.read())
        case .startSession: self = .startSession(try reader.read())
        case .rotateSession:
            self = .rotateSession(try reader.read(), try reader.read(), generation: try reader.readVariable())
        case .endSession: self = .endSession(try reader.read(), try reader.read())
        case .setMembership:
            self = .setMembership(
                try reader.read(), try reader.read(), isMember: try reader.read(), version: try reader.readVariable())
        case .createChannel:
            self = .createChannel(
                try reader.read(), name: try reader.read(String.self, max: WireLimits.name), type: try reader.read(),
                topic: try reader.read(String.self, max: WireLimits.text), by: try reader.read(),
                try reader.readOptional())
        case .abortChannel: self = .abortChannel(try reader.read())
        case .joinChannel: self = .joinChannel(try reader.read(), by: try reader.read())
        case .leaveChannel: self = .leaveChannel(try reader.read(), by: try reader.read())
        case .addMember: self = .addMember(try reader.read(), try reader.read(), by: try reader.read())
        case .removeMember: self = .removeMember(try reader.read(), try reader.read(), by: try reader.read())
        case .postMessage:
            self = .postMessage(
                try reader.read(), try reader.read(), by: try reader.read(), try reader.readOptional())
        case .applyEffect: self = .applyEffect(try reader.read())
        case .outboxDelivered: self = .outboxDelivered(target: try reader.read(), through: try reader.read())
        case .startNode: self = .startNode(try reader.read())
        case .activateNodes: self = .activateNodes(try reader.readArray(bytesEach: 16))
        case .drainNode: self = .drainNode(try reader.read())
        case .removeNode: self = .removeNode(try reader.read())
        case .buryNode: self = .buryNode(try reader.read())
        case .setActiveVersion: self = .setActiveVersion(try reader.read())
        }
    }
}

extension NodeStart: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.node)
        writer.write(self.boot)
        writer.write(self.nonce)
        writer.write(self.address)
        writer.write(self.clientAddress)
        writer.write(self.versions)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            node: try reader.read(), boot: try reader.read(), nonce: try reader.read(), address: try reader.read(),
            clientAddress: try reader.read(String.self, max: 300), versions: try reader.read())
    }
}

extension LoggedCommand: Wire {
    /// The layout of everything behind the first byte of a log entry.
    package static let schemaVersion: UInt8 = 1

    package func encode(into writer: inout ByteWriter) {
        writer.write(Self.schemaVersion)
        writer.write(self.at)
        writer.write(self.command)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let version = try reader.read(UInt8.self)
        guard version == Self.schemaVersion else { throw .unknownKind(UInt64(version), of: "LoggedCommand schema") }
        self.init(at: try reader.read(), command: try reader.read())
    }
}
