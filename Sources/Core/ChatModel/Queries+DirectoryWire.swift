import ClusterModel

// The binary forms of what the directory is asked.

extension Query {
    /// Behind the number. The other kinds have their own.
    func encodeForDirectory(into writer: inout ByteWriter) {
        switch self {
        case .nameOwner(let name):
            writer.write(name)
        case .listedChannels(let prefix, let after, let limit):
            writer.write(prefix)
            writer.write(after)
            writer.write(limit)
        case .account(let user):
            writer.write(user)
        case .accounts(let prefix, let after, let limit, let includesDeactivated):
            writer.write(prefix)
            writer.write(after)
            writer.write(limit)
            writer.write(includesDeactivated)
        case .invites(let actor):
            writer.write(actor)
        case .workspace: break
        case .emoji(let after, let limit):
            writer.write(after)
            writer.write(limit)
        case .flags(let isOpen, let after, let limit, let actor):
            writer.write(isOpen)
            writer.write(after)
            writer.write(limit)
            writer.write(actor)
        case .audit(let auditFilter, let before, let limit, let actor):
            writer.write(auditFilter)
            writer.write(number: before)
            writer.write(limit)
            writer.write(actor)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func directory(_ kind: QueryKind, from reader: inout ByteReader) throws(WireError) -> Query {
        switch kind {
        case .nameOwner: return .nameOwner(try reader.read())
        case .listedChannels:
            return .listedChannels(
                prefix: try reader.read(String.self, max: WireLimits.name),
                after: try reader.read(String.self, max: WireLimits.name), limit: try reader.read())
        case .account: return .account(try reader.read())
        case .accounts:
            return .accounts(
                prefix: try reader.read(String.self, max: WireLimits.name),
                after: try reader.read(String.self, max: WireLimits.name), limit: try reader.read(),
                includesDeactivated: try reader.read())
        case .invites: return .invites(by: try reader.read())
        case .workspace: return .workspace
        case .emoji: return .emoji(after: try reader.read(String.self, max: WireLimits.name), limit: try reader.read())
        case .flags:
            return .flags(
                isOpen: try reader.read(), after: try reader.readOptional(), limit: try reader.read(),
                by: try reader.read())
        case .audit:
            return .audit(
                try reader.read(), before: try reader.readOptionalNumber(), limit: try reader.read(),
                by: try reader.read())
        default: throw .unknownKind(UInt64(kind.rawValue), of: QueryKind.wireName)
        }
    }
}
