import ClusterModel

// The binary forms of what Profiles.swift declares. docs/schema.md lists every number.

extension NotifyLevel: ByteCoded { package static var wireName: StaticStringName { "NotifyLevel" } }

extension PresenceStatus: ByteCoded { package static var wireName: StaticStringName { "PresenceStatus" } }

extension ProfilePatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.displayName)
        writer.write(self.email)
        writer.write(self.statusText)
        writer.write(self.statusUntil)
        writer.write(self.avatar)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            displayName: try reader.readOptionalText(max: WireLimits.name), email: try reader.read(),
            statusText: try reader.readOptionalText(max: WireLimits.name), statusUntil: try reader.read(),
            avatar: try reader.read())
    }
}

extension ProfileExtra: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.statusText)
        writer.write(self.statusUntil)
        writer.write(self.avatar)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            statusText: try reader.read(String.self, max: WireLimits.name), statusUntil: try reader.readOptional(),
            avatar: try reader.readOptional())
    }
}

extension ChannelOverride: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.write(self.level)
        writer.write(self.muted)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(channel: try reader.read(), level: try reader.readOptional(), muted: try reader.read())
    }
}

extension QuietHours: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.fromMinute)
        writer.write(self.toMinute)
        writer.write(self.offsetMinutes)
        writer.write(self.days)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            fromMinute: try reader.read(), toMinute: try reader.read(), offsetMinutes: try reader.read(),
            days: try reader.read())
    }
}

extension UserSettings: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.level)
        writer.write(self.overrides)
        writer.write(self.quiet)
        writer.write(self.theme)
        writer.write(self.language)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            level: try reader.read(), overrides: try reader.readArray(bytesEach: 18), quiet: try reader.readOptional(),
            theme: try reader.read(String.self, max: WireLimits.name),
            language: try reader.read(String.self, max: WireLimits.name))
    }
}

extension SessionDetail: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.userAgent)
        writer.write(self.address)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            userAgent: try reader.read(String.self, max: WireLimits.name),
            address: try reader.read(String.self, max: WireLimits.name))
    }
}

extension SessionView: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.session)
        writer.write(self.detail)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(session: try reader.read(), detail: try reader.readOptional())
    }
}

extension PresenceChoice: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.status)
        writer.write(self.until)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(status: try reader.read(), until: try reader.readOptional())
    }
}

extension StoredAnswer: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.status)
        writer.write(self.body)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(status: try reader.read(), body: try reader.readBytes(max: WireLimits.text))
    }
}

extension Change: Wire where Value: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .keep: writer.write(UInt8(0))
        case .set(let value):
            writer.write(UInt8(1))
            writer.write(value)
        case .clear: writer.write(UInt8(2))
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .keep
        case 1: self = .set(try reader.read())
        case 2: self = .clear
        case let raw: throw .unknownKind(UInt64(raw), of: "Change")
        }
    }
}
