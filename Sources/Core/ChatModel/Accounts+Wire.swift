import ClusterModel

// The binary forms of what Accounts.swift declares. docs/schema.md lists every number.

extension ContentPolicy: ByteCoded { package static var wireName: StaticStringName { "ContentPolicy" } }

extension BroadcastRight: ByteCoded { package static var wireName: StaticStringName { "BroadcastRight" } }

extension FlagAction: ByteCoded { package static var wireName: StaticStringName { "FlagAction" } }

extension AccountRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.username)
        writer.write(self.displayName)
        writer.write(self.avatar)
        writer.write(self.role)
        writer.write(self.deactivatedAt)
        writer.writeVariable(self.version)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), username: try reader.read(String.self, max: WireLimits.name),
            displayName: try reader.read(String.self, max: WireLimits.name), avatar: try reader.readOptional(),
            role: try reader.read(), deactivatedAt: try reader.readOptional(), version: try reader.readVariable())
    }
}

extension Standing: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.role)
        writer.write(self.deactivatedAt)
        writer.writeVariable(self.version)
        writer.write(self.policy)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            role: try reader.read(), deactivatedAt: try reader.readOptional(), version: try reader.readVariable(),
            policy: try reader.read())
    }
}

extension InviteRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.role)
        writer.write(self.usesMax)
        writer.write(self.uses)
        writer.write(self.expiresAt)
        writer.write(self.createdBy)
        writer.write(self.createdAt)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), role: try reader.read(), usesMax: try reader.read(), uses: try reader.read(),
            expiresAt: try reader.read(), createdBy: try reader.read(), createdAt: try reader.read())
    }
}

extension WorkspaceSettings: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.name)
        writer.write(self.registration)
        writer.write(self.allowedOrigins)
        writer.write(number: self.retentionDays)
        writer.write(self.contentPolicy)
        writer.write(self.broadcastRight)
        writer.write(number: self.editWindowSeconds)
        writer.write(self.publicURL)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            name: try reader.read(String.self, max: WireLimits.name), registration: try reader.read(),
            allowedOrigins: try reader.readArray(bytesEach: 1), retentionDays: try reader.readOptionalNumber32(),
            contentPolicy: try reader.read(), broadcastRight: try reader.read(),
            editWindowSeconds: try reader.readOptionalNumber32(),
            publicURL: try reader.readOptionalText(max: WireLimits.text))
    }
}

extension WorkspacePatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.name)
        writer.write(self.registration)
        writer.write(texts: self.allowedOrigins)
        writer.write(change: self.retentionDays)
        writer.write(self.contentPolicy)
        writer.write(self.broadcastRight)
        writer.write(change: self.editWindowSeconds)
        writer.write(self.publicURL)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            name: try reader.readOptionalText(max: WireLimits.name), registration: try reader.readOptional(),
            allowedOrigins: try reader.readOptionalTexts(), retentionDays: try reader.readChange32(),
            contentPolicy: try reader.readOptional(), broadcastRight: try reader.readOptional(),
            editWindowSeconds: try reader.readChange32(), publicURL: try reader.read())
    }
}

extension WorkspaceCopy: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(number: self.retentionDays)
        writer.write(self.broadcastRight)
        writer.write(number: self.editWindowSeconds)
        writer.writeVariable(self.version)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            retentionDays: try reader.readOptionalNumber32(), broadcastRight: try reader.read(),
            editWindowSeconds: try reader.readOptionalNumber32(), version: try reader.readVariable())
    }
}

extension EmojiRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.name)
        writer.write(self.alias)
        writer.write(self.createdBy)
        writer.write(self.createdAt)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            name: try reader.read(String.self, max: WireLimits.name),
            alias: try reader.read(String.self, max: WireLimits.name), createdBy: try reader.read(),
            createdAt: try reader.read())
    }
}

extension FlagResolution: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.action)
        writer.write(self.by)
        writer.write(self.at)
        writer.write(self.note)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            action: try reader.read(), by: try reader.read(), at: try reader.read(),
            note: try reader.read(String.self, max: WireLimits.text))
    }
}

extension FlagRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.message)
        writer.write(self.author)
        writer.write(self.reporter)
        writer.write(self.reason)
        writer.write(self.excerpt)
        writer.write(self.at)
        writer.write(self.resolution)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), message: try reader.read(), author: try reader.read(), reporter: try reader.read(),
            reason: try reader.read(String.self, max: WireLimits.text),
            excerpt: try reader.read(String.self, max: WireLimits.text), at: try reader.read(),
            resolution: try reader.readOptional())
    }
}

extension AuditDetail: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.name)
        writer.write(self.value)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            name: try reader.read(String.self, max: WireLimits.name),
            value: try reader.read(String.self, max: WireLimits.text))
    }
}

extension AuditNote: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.actor)
        writer.write(self.action)
        writer.write(self.target)
        writer.write(self.details)
        writer.write(self.at)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            actor: try reader.readOptional(), action: try reader.read(String.self, max: WireLimits.name),
            target: try reader.read(String.self, max: WireLimits.text), details: try reader.readArray(bytesEach: 2),
            at: try reader.read())
    }
}

extension AuditEntry: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.number)
        writer.write(self.note)
        writer.write(self.previous)
        writer.write(self.digest)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            number: try reader.readVariable(), note: try reader.read(), previous: try reader.read(),
            digest: try reader.read())
    }
}

extension AuditFilter: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.actor)
        writer.write(self.action)
        writer.write(self.target)
        writer.write(self.since)
        writer.write(self.until)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            actor: try reader.readOptional(), action: try reader.readOptionalText(max: WireLimits.name),
            target: try reader.readOptionalText(max: WireLimits.text), since: try reader.readOptional(),
            until: try reader.readOptional())
    }
}
