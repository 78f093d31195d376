import ClusterModel

// The binary forms of the commands that every shard takes.

extension Command {
    /// Behind the number. The other kinds have their own.
    func encodeForAny(into writer: inout ByteWriter) {
        switch self {
        case .applyEffect(let entry):
            writer.write(entry)
        case .outboxDelivered(let target, let through):
            writer.write(target)
            writer.write(through)
        case .timersDue: break
        case .applyEffects(let entries):
            writer.write(entries)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func any(_ kind: CommandKind, from reader: inout ByteReader) throws(WireError) -> Command {
        switch kind {
        case .applyEffect: return .applyEffect(try reader.read())
        case .outboxDelivered: return .outboxDelivered(target: try reader.read(), through: try reader.read())
        case .timersDue: return .timersDue
        case .applyEffects: return .applyEffects(try reader.readArray(bytesEach: 10))
        default: throw .unknownKind(UInt64(kind.rawValue), of: CommandKind.wireName)
        }
    }
}
