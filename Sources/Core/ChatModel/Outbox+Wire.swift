import ClusterModel

// The binary forms of what one shard's log asks of another.

extension OutboxPosition: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.index)
        writer.writeVariable(UInt64(self.ordinal))
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let index = try reader.read(LogIndex.self)
        guard let ordinal = UInt32(exactly: try reader.readVariable()) else { throw .invalid("outbox ordinal") }
        self.init(index: index, ordinal: ordinal)
    }
}

extension ShardEffect: Wire {
    private enum Kind: UInt8, ByteCoded {
        case setMembership = 1
        case revokeSession = 2
        case listAccount = 3
        case setStanding = 4
        case confirmName = 6
        case releaseName = 7
        case notify = 8
        case audit = 9
        case fileFlag = 10
        case postScheduled = 11
        case scheduledFailed = 12
        case setNameListed = 13
        case redactAuthor = 14
        case workspaceChanged = 15
        case keepName = 16
        case leaveName = 17
        static var wireName: StaticStringName { "ShardEffect" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .setMembership(let user, let channel, let isMember, let version):
            writer.write(Kind.setMembership)
            writer.write(user)
            writer.write(channel)
            writer.write(isMember)
            writer.writeVariable(version)
        case .revokeSession(let session, let user, let until):
            writer.write(Kind.revokeSession)
            writer.write(session)
            writer.write(user)
            writer.write(until)
        case .listAccount(let user, let displayName, let avatar, let version):
            writer.write(Kind.listAccount)
            writer.write(user)
            writer.write(displayName)
            writer.write(avatar)
            writer.writeVariable(version)
        case .setStanding(let user, let standing):
            writer.write(Kind.setStanding)
            writer.write(user)
            writer.write(standing)
        case .confirmName(let name, let owner):
            writer.write(Kind.confirmName)
            writer.write(name)
            writer.write(owner)
        case .releaseName(let name, let owner):
            writer.write(Kind.releaseName)
            writer.write(name)
            writer.write(owner)
        case .notify(let message, let notificationKind, let actor, let at, let users):
            writer.write(Kind.notify)
            writer.write(message)
            writer.write(notificationKind)
            writer.write(actor)
            writer.write(at)
            writer.write(users)
        case .audit(let auditNote):
            writer.write(Kind.audit)
            writer.write(auditNote)
        case .fileFlag(let flag):
            writer.write(Kind.fileFlag)
            writer.write(flag)
        case .postScheduled(let scheduled, let actor):
            writer.write(Kind.postScheduled)
            writer.write(scheduled)
            writer.write(actor)
        case .scheduledFailed(let user, let scheduled, let refusal):
            writer.write(Kind.scheduledFailed)
            writer.write(user)
            writer.write(scheduled)
            writer.write(refusal)
        case .setNameListed(let name, let owner, let isListed):
            writer.write(Kind.setNameListed)
            writer.write(name)
            writer.write(owner)
            writer.write(isListed)
        case .redactAuthor(let channel, let user):
            writer.write(Kind.redactAuthor)
            writer.write(channel)
            writer.write(user)
        case .workspaceChanged(let workspaceCopy):
            writer.write(Kind.workspaceChanged)
            writer.write(workspaceCopy)
        case .keepName(let name, let channel, let isListed):
            writer.write(Kind.keepName)
            writer.write(name)
            writer.write(channel)
            writer.write(isListed)
        case .leaveName(let name, let channel, let epoch):
            writer.write(Kind.leaveName)
            writer.write(name)
            writer.write(channel)
            writer.writeVariable(epoch)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .setMembership:
            self = .setMembership(
                try reader.read(), try reader.read(), isMember: try reader.read(), version: try reader.readVariable())
        case .revokeSession: self = .revokeSession(try reader.read(), try reader.read(), until: try reader.read())
        case .listAccount:
            self = .listAccount(
                try reader.read(), displayName: try reader.read(String.self, max: WireLimits.name),
                avatar: try reader.readOptional(), version: try reader.readVariable())
        case .setStanding: self = .setStanding(try reader.read(), try reader.read())
        case .confirmName: self = .confirmName(try reader.read(), try reader.read())
        case .releaseName: self = .releaseName(try reader.read(), try reader.read())
        case .notify:
            self = .notify(
                try reader.read(), try reader.read(), actor: try reader.read(), at: try reader.read(),
                try reader.readArray(bytesEach: 16))
        case .audit: self = .audit(try reader.read())
        case .fileFlag: self = .fileFlag(try reader.read())
        case .postScheduled: self = .postScheduled(try reader.read(), by: try reader.read())
        case .scheduledFailed: self = .scheduledFailed(try reader.read(), try reader.read(), try reader.read())
        case .setNameListed: self = .setNameListed(try reader.read(), try reader.read(), isListed: try reader.read())
        case .redactAuthor: self = .redactAuthor(try reader.read(), try reader.read())
        case .workspaceChanged: self = .workspaceChanged(try reader.read())
        case .keepName: self = .keepName(try reader.read(), try reader.read(), isListed: try reader.read())
        case .leaveName: self = .leaveName(try reader.read(), try reader.read(), epoch: try reader.readVariable())
        }
    }
}

extension OutboxEntry: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.source)
        writer.write(self.position)
        writer.write(self.target)
        writer.write(self.effect)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            source: try reader.read(), position: try reader.read(), target: try reader.read(),
            effect: try reader.read())
    }
}
