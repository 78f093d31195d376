import ClusterModel

// The binary forms of the commands of a channel's shard.

extension Command {
    /// Behind the number. The other kinds have their own.
    func encodeForChannel(into writer: inout ByteWriter) {
        switch self {
        case .createChannel(let channel, let name, let type, let topic, let actor, let key):
            writer.write(channel)
            writer.write(name)
            writer.write(type)
            writer.write(topic)
            writer.write(actor)
            writer.write(key)
        case .abortChannel(let channel):
            writer.write(channel)
        case .joinChannel(let channel, let actor):
            writer.write(channel)
            writer.write(actor)
        case .leaveChannel(let channel, let actor):
            writer.write(channel)
            writer.write(actor)
        case .addMember(let channel, let user, let actor):
            writer.write(channel)
            writer.write(user)
            writer.write(actor)
        case .removeMember(let channel, let user, let actor):
            writer.write(channel)
            writer.write(user)
            writer.write(actor)
        case .postMessage(let channel, let content, let actor, let key):
            writer.write(channel)
            if content.isPlain { content.encodePlain(into: &writer) } else { writer.write(content) }
            writer.write(actor)
            writer.write(key)
        case .editMessage(let message, let text, let mentions, let broadcast, let messageSnapshot, let actor, let key):
            writer.write(message)
            writer.write(text)
            writer.write(mentions)
            writer.write(broadcast)
            writer.write(messageSnapshot)
            writer.write(actor)
            writer.write(key)
        case .deleteMessage(let message, let asModerator, let actor, let key):
            writer.write(message)
            writer.write(asModerator)
            writer.write(actor)
            writer.write(key)
        case .react(let message, let emoji, let actor, let key):
            writer.write(message)
            writer.write(emoji)
            writer.write(actor)
            writer.write(key)
        case .unreact(let message, let emoji, let actor, let key):
            writer.write(message)
            writer.write(emoji)
            writer.write(actor)
            writer.write(key)
        case .pin(let message, let messageSnapshot, let actor, let key):
            writer.write(message)
            writer.write(messageSnapshot)
            writer.write(actor)
            writer.write(key)
        case .unpin(let message, let messageSnapshot, let actor, let key):
            writer.write(message)
            writer.write(messageSnapshot)
            writer.write(actor)
            writer.write(key)
        case .flagMessage(let message, let reason, let excerpt, let actor):
            writer.write(message)
            writer.write(reason)
            writer.write(excerpt)
            writer.write(actor)
        case .updateChannel(let channel, let channelPatch, let actor, let key):
            writer.write(channel)
            writer.write(channelPatch)
            writer.write(actor)
            writer.write(key)
        case .renameChannel(let channel, let name, let folded, let epoch, let actor, let key):
            writer.write(channel)
            writer.write(name)
            writer.write(folded)
            writer.writeVariable(epoch)
            writer.write(actor)
            writer.write(key)
        case .settleChannelName(let channel, let folded):
            writer.write(channel)
            writer.write(folded)
        case .archiveChannel(let channel, let actor, let key):
            writer.write(channel)
            writer.write(actor)
            writer.write(key)
        case .unarchiveChannel(let channel, let actor, let key):
            writer.write(channel)
            writer.write(actor)
            writer.write(key)
        case .openDirect(let channel, let users, let actor):
            writer.write(channel)
            writer.write(users)
            writer.write(actor)
        case .setChannelRole(let channel, let user, let channelRole, let actor, let key):
            writer.write(channel)
            writer.write(user)
            writer.write(channelRole)
            writer.write(actor)
            writer.write(key)
        case .readChannel(let channel, let seq, let actor):
            writer.write(channel)
            writer.writeVariable(seq)
            writer.write(actor)
        case .changeMember(let channel, let user, let isMember, let actor, let key):
            writer.write(channel)
            writer.write(user)
            writer.write(isMember)
            writer.write(actor)
            writer.write(key)
        case .followThread(let message, let isFollowing, let actor):
            writer.write(message)
            writer.write(isFollowing)
            writer.write(actor)
        case .readThread(let message, let seq, let actor):
            writer.write(message)
            writer.writeVariable(seq)
            writer.write(actor)
        case .createNamedChannel(let newChannel, let actor, let key):
            writer.write(newChannel)
            writer.write(actor)
            writer.write(key)
        default: preconditionFailure("\(self.kind) is not of this part")
        }
    }

    static func channel(_ kind: CommandKind, from reader: inout ByteReader) throws(WireError) -> Command {
        switch kind {
        case .createChannel:
            return .createChannel(
                try reader.read(), name: try reader.read(String.self, max: WireLimits.name), type: try reader.read(),
                topic: try reader.read(String.self, max: WireLimits.text), by: try reader.read(),
                try reader.readOptional())
        case .abortChannel: return .abortChannel(try reader.read())
        case .joinChannel: return .joinChannel(try reader.read(), by: try reader.read())
        case .leaveChannel: return .leaveChannel(try reader.read(), by: try reader.read())
        case .addMember: return .addMember(try reader.read(), try reader.read(), by: try reader.read())
        case .removeMember: return .removeMember(try reader.read(), try reader.read(), by: try reader.read())
        case .postMessage:
            return .postMessage(
                try reader.read(), try MessageContent(plainFrom: &reader), by: try reader.read(),
                try reader.readOptional())
        case .postRichMessage:
            return .postMessage(
                try reader.read(), try MessageContent(richFrom: &reader), by: try reader.read(),
                try reader.readOptional())
        case .editMessage:
            return .editMessage(
                try reader.read(), text: try reader.read(String.self, max: WireLimits.text),
                mentions: try reader.readArray(bytesEach: 17), broadcast: try reader.readOptional(), try reader.read(),
                by: try reader.read(), try reader.readOptional())
        case .deleteMessage:
            return .deleteMessage(
                try reader.read(), asModerator: try reader.read(), by: try reader.read(), try reader.readOptional())
        case .react:
            return .react(
                try reader.read(), emoji: try reader.read(String.self, max: WireLimits.name), by: try reader.read(),
                try reader.readOptional())
        case .unreact:
            return .unreact(
                try reader.read(), emoji: try reader.read(String.self, max: WireLimits.name), by: try reader.read(),
                try reader.readOptional())
        case .pin: return .pin(try reader.read(), try reader.read(), by: try reader.read(), try reader.readOptional())
        case .unpin:
            return .unpin(try reader.read(), try reader.read(), by: try reader.read(), try reader.readOptional())
        case .flagMessage:
            return .flagMessage(
                try reader.read(), reason: try reader.read(String.self, max: WireLimits.text),
                excerpt: try reader.read(String.self, max: WireLimits.text), by: try reader.read())
        case .updateChannel:
            return .updateChannel(
                try reader.read(), try reader.read(), by: try reader.read(), try reader.readOptional())
        case .renameChannel:
            return .renameChannel(
                try reader.read(), name: try reader.read(String.self, max: WireLimits.name),
                folded: try reader.read(String.self, max: WireLimits.name), epoch: try reader.readVariable(),
                by: try reader.read(), try reader.readOptional())
        case .settleChannelName:
            return .settleChannelName(try reader.read(), folded: try reader.read(String.self, max: WireLimits.name))
        case .archiveChannel:
            return .archiveChannel(try reader.read(), by: try reader.read(), try reader.readOptional())
        case .unarchiveChannel:
            return .unarchiveChannel(try reader.read(), by: try reader.read(), try reader.readOptional())
        case .openDirect:
            return .openDirect(try reader.read(), try reader.readArray(bytesEach: 16), by: try reader.read())
        case .setChannelRole:
            return .setChannelRole(
                try reader.read(), try reader.read(), try reader.read(), by: try reader.read(),
                try reader.readOptional())
        case .readChannel: return .readChannel(try reader.read(), seq: try reader.readVariable(), by: try reader.read())
        case .changeMember:
            return .changeMember(
                try reader.read(), try reader.read(), isMember: try reader.read(), by: try reader.read(),
                try reader.read())
        case .followThread:
            return .followThread(try reader.read(), isFollowing: try reader.read(), by: try reader.read())
        case .readThread: return .readThread(try reader.read(), seq: try reader.readVariable(), by: try reader.read())
        case .createNamedChannel:
            return .createNamedChannel(try reader.read(), by: try reader.read(), try reader.readOptional())
        default: throw .unknownKind(UInt64(kind.rawValue), of: CommandKind.wireName)
        }
    }
}
