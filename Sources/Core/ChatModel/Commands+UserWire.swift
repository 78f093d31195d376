import ClusterModel

// The binary forms of the commands of a user's shard.

extension Command {
    /// Behind the number. The other kinds have their own.
    func encodeForUser(into writer: inout ByteWriter) {
        switch self {
        case .createUser(let user):
            writer.write(user)
        case .abortUser(let user):
            writer.write(user)
        case .startSession(let session):
            writer.write(session)
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
        case .updateProfile(let user, let profilePatch, let actor):
            writer.write(user)
            writer.write(profilePatch)
            writer.write(actor)
        case .updateSettings(let user, let userSettings):
            writer.write(user)
            writer.write(userSettings)
        case .startSessionOn(let session, let sessionDetail):
            writer.write(session)
            writer.write(sessionDetail)
        case .endSessions(let user, let keeping):
            writer.write(user)
            writer.write(keeping)
        case .claimKey(let key):
            writer.write(key)
        case .completeKey(let key, let storedAnswer):
            writer.write(key)
            writer.write(storedAnswer)
        case .putDraft(let user, let draft):
            writer.write(user)
            writer.write(draft)
        case .removeDraft(let user, let channel, let thread):
            writer.write(user)
            writer.write(channel)
            writer.write(thread)
        case .scheduleMessage(let user, let scheduled, let actor):
            writer.write(user)
            writer.write(scheduled)
            writer.write(actor)
        case .cancelScheduled(let user, let scheduled):
            writer.write(user)
            writer.write(scheduled)
        case .setReminder(let user, let reminder):
            writer.write(user)
            writer.write(reminder)
        case .cancelReminder(let user, let reminder):
            writer.write(user)
            writer.write(reminder)
        case .readNotifications(let user, let numbers, let through):
            writer.write(user)
            writer.write(numbers: numbers)
            writer.write(number: through)
        case .choosePresence(let user, let presenceChoice):
            writer.write(user)
            writer.write(presenceChoice)
        case .setStandingCopy(let user, let standing):
            writer.write(user)
            writer.write(standing)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func user(_ kind: CommandKind, from reader: inout ByteReader) throws(WireError) -> Command {
        switch kind {
        case .createUser: return .createUser(try reader.read())
        case .abortUser: return .abortUser(try reader.read())
        case .startSession: return .startSession(try reader.read())
        case .rotateSession:
            return .rotateSession(try reader.read(), try reader.read(), generation: try reader.readVariable())
        case .endSession: return .endSession(try reader.read(), try reader.read())
        case .setMembership:
            return .setMembership(
                try reader.read(), try reader.read(), isMember: try reader.read(), version: try reader.readVariable())
        case .updateProfile: return .updateProfile(try reader.read(), try reader.read(), by: try reader.read())
        case .updateSettings: return .updateSettings(try reader.read(), try reader.read())
        case .startSessionOn: return .startSessionOn(try reader.read(), try reader.read())
        case .endSessions: return .endSessions(try reader.read(), keeping: try reader.readOptional())
        case .claimKey: return .claimKey(try reader.read())
        case .completeKey: return .completeKey(try reader.read(), try reader.read())
        case .putDraft: return .putDraft(try reader.read(), try reader.read())
        case .removeDraft: return .removeDraft(try reader.read(), try reader.read(), thread: try reader.readOptional())
        case .scheduleMessage: return .scheduleMessage(try reader.read(), try reader.read(), by: try reader.read())
        case .cancelScheduled: return .cancelScheduled(try reader.read(), try reader.read())
        case .setReminder: return .setReminder(try reader.read(), try reader.read())
        case .cancelReminder: return .cancelReminder(try reader.read(), try reader.read())
        case .readNotifications:
            return .readNotifications(
                try reader.read(), try reader.readNumbers(), through: try reader.readOptionalNumber())
        case .choosePresence: return .choosePresence(try reader.read(), try reader.read())
        case .setStandingCopy: return .setStandingCopy(try reader.read(), try reader.read())
        default: throw .unknownKind(UInt64(kind.rawValue), of: CommandKind.wireName)
        }
    }
}
