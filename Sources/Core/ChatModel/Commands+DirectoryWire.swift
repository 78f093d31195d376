import ClusterModel

// The binary forms of the directory's commands.

extension Command {
    /// Behind the number. The other kinds have their own.
    func encodeForDirectory(into writer: inout ByteWriter) {
        switch self {
        case .registerNode(let node):
            writer.write(node)
        case .activateNode(let node):
            writer.write(node)
        case .setNodeState(let node, let nodeState):
            writer.write(node)
            writer.write(nodeState)
        case .bootNode(let node, let boot, let address, let clientAddress):
            writer.write(node)
            writer.write(boot)
            writer.write(address)
            writer.write(clientAddress)
        case .initialise(let clusterSecrets, let registration):
            writer.write(clusterSecrets)
            writer.write(registration)
        case .reserveName(let name, let owner, let listed):
            writer.write(name)
            writer.write(owner)
            writer.write(listed)
        case .confirmName(let name, let owner):
            writer.write(name)
            writer.write(owner)
        case .releaseName(let name, let owner):
            writer.write(name)
            writer.write(owner)
        case .claimName(let name, let channel, let listed, let epoch):
            writer.write(name)
            writer.write(channel)
            writer.write(listed)
            writer.writeVariable(epoch)
        case .revokeSession(let session, let user, let until):
            writer.write(session)
            writer.write(user)
            writer.write(until)
        case .startNode(let nodeStart):
            writer.write(nodeStart)
        case .activateNodes(let nodes):
            writer.write(nodes)
        case .drainNode(let node):
            writer.write(node)
        case .removeNode(let node):
            writer.write(node)
        case .buryNode(let node):
            writer.write(node)
        case .setActiveVersion(let version):
            writer.write(version)
        case .reserveAccount(let name, let user, let displayName, let invite):
            writer.write(name)
            writer.write(user)
            writer.write(displayName)
            writer.write(invite)
        case .setStanding(let user, let role, let isDeactivated, let policy, let actor):
            writer.write(user)
            writer.write(role)
            writer.write(flag: isDeactivated)
            writer.write(policy)
            writer.write(actor)
        case .listAccount(let user, let displayName, let avatar, let version):
            writer.write(user)
            writer.write(displayName)
            writer.write(avatar)
            writer.writeVariable(version)
        case .createInvite(let invite, let actor):
            writer.write(invite)
            writer.write(actor)
        case .revokeInvite(let invite, let actor):
            writer.write(invite)
            writer.write(actor)
        case .updateWorkspace(let workspacePatch, let actor):
            writer.write(workspacePatch)
            writer.write(actor)
        case .putEmoji(let emoji, let actor):
            writer.write(emoji)
            writer.write(actor)
        case .removeEmoji(let name, let actor):
            writer.write(name)
            writer.write(actor)
        case .resolveFlag(let flag, let flagAction, let note, let actor):
            writer.write(flag)
            writer.write(flagAction)
            writer.write(note)
            writer.write(actor)
        case .recordAudit(let auditNote):
            writer.write(auditNote)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func directory(_ kind: CommandKind, from reader: inout ByteReader) throws(WireError) -> Command {
        switch kind {
        case .registerNode: return .registerNode(try reader.read())
        case .activateNode: return .activateNode(try reader.read())
        case .setNodeState: return .setNodeState(try reader.read(), try reader.read())
        case .bootNode:
            return .bootNode(
                try reader.read(), boot: try reader.read(), address: try reader.read(),
                clientAddress: try reader.read(String.self, max: 300))
        case .initialise: return .initialise(try reader.read(), try reader.read())
        case .reserveName: return .reserveName(try reader.read(), try reader.read(), listed: try reader.read())
        case .confirmName: return .confirmName(try reader.read(), try reader.read())
        case .releaseName: return .releaseName(try reader.read(), try reader.read())
        case .claimName:
            return .claimName(
                try reader.read(), try reader.read(), listed: try reader.read(), epoch: try reader.readVariable())
        case .revokeSession: return .revokeSession(try reader.read(), try reader.read(), until: try reader.read())
        case .startNode: return .startNode(try reader.read())
        case .activateNodes: return .activateNodes(try reader.readArray(bytesEach: 16))
        case .drainNode: return .drainNode(try reader.read())
        case .removeNode: return .removeNode(try reader.read())
        case .buryNode: return .buryNode(try reader.read())
        case .setActiveVersion: return .setActiveVersion(try reader.read())
        case .reserveAccount:
            return .reserveAccount(
                try reader.read(), try reader.read(), displayName: try reader.read(String.self, max: WireLimits.name),
                invite: try reader.readOptional())
        case .setStanding:
            return .setStanding(
                try reader.read(), role: try reader.readOptional(), isDeactivated: try reader.readOptionalFlag(),
                policy: try reader.readOptional(), by: try reader.read())
        case .listAccount:
            return .listAccount(
                try reader.read(), displayName: try reader.read(String.self, max: WireLimits.name),
                avatar: try reader.readOptional(), version: try reader.readVariable())
        case .createInvite: return .createInvite(try reader.read(), by: try reader.read())
        case .revokeInvite: return .revokeInvite(try reader.read(), by: try reader.read())
        case .updateWorkspace: return .updateWorkspace(try reader.read(), by: try reader.read())
        case .putEmoji: return .putEmoji(try reader.read(), by: try reader.read())
        case .removeEmoji:
            return .removeEmoji(name: try reader.read(String.self, max: WireLimits.name), by: try reader.read())
        case .resolveFlag:
            return .resolveFlag(
                try reader.read(), try reader.read(), note: try reader.read(String.self, max: WireLimits.text),
                by: try reader.read())
        case .recordAudit: return .recordAudit(try reader.read())
        default: throw .unknownKind(UInt64(kind.rawValue), of: CommandKind.wireName)
        }
    }
}
