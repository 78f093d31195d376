import ClusterModel
import Testing

@testable import ChatModel

// One named value of every case that has a binary form. The golden table and the round trips walk these.

/// A value with its name, erased to what the tests do with it.
struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// Decodes and encodes again; throws what decoding throws.
    let reencoded: @Sendable ([UInt8]) throws -> [UInt8]
    /// True when decoding `bytes` gives the very value.
    let decodesToItself: @Sendable ([UInt8]) throws -> Bool

    init<Value: Wire & Equatable>(_ name: String, _ value: Value) {
        self.name = "\(Value.self).\(name)"
        self.bytes = value.encoded
        self.reencoded = { try Value(encoded: $0).encoded }
        self.decodesToItself = { try Value(encoded: $0) == value }
    }

    var testDescription: String { self.name }
}

/// Values under one seed: the same on every machine.
struct ValueGenerator {
    var generator: SeededGenerator
    init(seed: UInt64) { self.generator = SeededGenerator(seed: seed) }

    mutating func number(_ bound: UInt64 = 1 << 40) -> UInt64 { self.generator.next() % bound }
    mutating func chance() -> Bool { self.generator.next() & 1 == 0 }
    mutating func id<ID: PrefixedID>(_ type: ID.Type = ID.self) -> ID {
        ID(high: self.generator.next(), low: self.generator.next())
    }
    mutating func time() -> Timestamp {
        Timestamp(milliseconds: 1_700_000_000_000 + Int64(self.number(1 << 36)))
    }
    mutating func text(_ most: Int = 24) -> String {
        let letters = Array("abc déf 数据 🐦\"\\\n\u{0}zyx")
        let count = Int(self.number(UInt64(most)))
        return String((0..<count).map { _ in letters[Int(self.number(UInt64(letters.count)))] })
    }
    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(self.number(UInt64(values.count)))] }
    mutating func optional<Value>(_ value: Value) -> Value? { self.chance() ? value : nil }

    mutating func actor() -> Actor { Actor(user: self.id(), role: self.pick(Role.allCases), session: self.id()) }
    mutating func user() -> UserRecord {
        UserRecord(
            id: self.id(), username: self.text(), displayName: self.text(), email: self.optional(self.text()),
            role: self.pick(Role.allCases), passwordHash: self.text(), createdAt: self.time(),
            deactivatedAt: self.optional(self.time()))
    }
    mutating func session() -> SessionRecord {
        SessionRecord(
            id: self.id(), user: self.id(), generation: self.number(), rotatedAt: self.time(),
            createdAt: self.time(), expiresAt: self.time())
    }
    mutating func channel() -> ChannelRecord {
        ChannelRecord(
            id: self.id(), name: self.text(), type: self.pick(ChannelType.allCases), topic: self.text(),
            createdBy: self.id(), createdAt: self.time(), archivedAt: self.optional(self.time()),
            memberCount: self.number(), seq: self.number())
    }
    mutating func member() -> MemberRecord {
        MemberRecord(
            user: self.id(), role: self.pick(ChannelRole.allCases), joinedAt: self.time(), joinedSeq: self.number(),
            readSeq: self.number())
    }
    mutating func content() -> MessageContent {
        MessageContent(
            text: self.text(200), clientID: self.optional(self.text()),
            thread: self.optional(MessageID(channel: self.id(), seq: self.number())))
    }
    mutating func event() -> DurableEvent {
        let body: EventBody = self.pick([
            .messageCreated(self.content()), .memberJoined(self.id(), .owner), .memberLeft(self.id(), .member),
        ])
        return DurableEvent(
            channel: self.id(), seq: self.number(), at: self.time(), actor: self.id(), body: body)
    }
    mutating func node() -> NodeRecord {
        NodeRecord(
            id: NodeID(high: self.generator.next(), low: self.generator.next()), name: self.text(),
            address: PeerAddress(host: "10.0.0.\(self.number(255))", port: 7400), clientAddress: self.text(),
            state: self.pick(NodeState.allCases), boot: BootCounter(self.number()))
    }
    mutating func key() -> IdempotencyKey {
        IdempotencyKey(user: self.id(), key: self.text(), fingerprint: self.generator.next())
    }
    mutating func owner() -> NameOwner { self.chance() ? .user(self.id()) : .channel(self.id()) }
    mutating func name() -> UniqueName { UniqueName(kind: self.chance() ? .user : .channel, name: self.text()) }
    mutating func effect() -> ShardEffect {
        self.chance()
            ? .setMembership(self.id(), self.id(), isMember: self.chance(), version: self.number())
            : .revokeSession(self.id(), self.id(), until: self.time())
    }
    mutating func shardKey() -> ShardKey {
        self.pick([.directory, .user(self.id()), .channel(self.id()), .shard(ShardID(9))])
    }
    mutating func position() -> OutboxPosition {
        OutboxPosition(index: LogIndex(self.number()), ordinal: UInt32(self.number(1 << 32)))
    }
    mutating func entry() -> OutboxEntry {
        OutboxEntry(
            source: ShardID(UInt16(self.number(1 << 16))), position: self.position(), target: self.shardKey(),
            effect: self.effect())
    }
    mutating func secrets() -> ClusterSecrets {
        ClusterSecrets(
            tokenSigningKey: (0..<32).map { _ in UInt8(self.number(256)) }, tokenKeyID: self.text(),
            macKey: (0..<32).map { _ in UInt8(self.number(256)) })
    }
}

extension ValueGenerator {
    mutating func command(_ kind: CommandKind) -> Command {
        let node = NodeID(high: self.generator.next(), low: self.generator.next())
        switch kind {
        case .registerNode: return .registerNode(self.node())
        case .activateNode: return .activateNode(node)
        case .setNodeState: return .setNodeState(node, self.pick(NodeState.allCases))
        case .bootNode:
            return .bootNode(
                node, boot: BootCounter(self.number()), address: PeerAddress(host: "h", port: 1),
                clientAddress: self.text())
        case .initialise: return .initialise(self.secrets(), self.pick(Registration.allCases))
        case .reserveName: return .reserveName(self.name(), self.owner(), listed: self.chance())
        case .confirmName: return .confirmName(self.name(), self.owner())
        case .releaseName: return .releaseName(self.name(), self.owner())
        case .changeMember:
            return .changeMember(self.id(), self.id(), isMember: self.chance(), by: self.actor(), self.key())
        case .claimName:
            return .claimName(self.name(), self.id(), listed: self.chance(), epoch: self.number())
        case .revokeSession: return .revokeSession(self.id(), self.id(), until: self.time())
        case .createUser: return .createUser(self.user())
        case .abortUser: return .abortUser(self.id())
        case .startSession: return .startSession(self.session())
        case .rotateSession: return .rotateSession(self.id(), self.id(), generation: self.number())
        case .endSession: return .endSession(self.id(), self.id())
        case .setMembership:
            return .setMembership(self.id(), self.id(), isMember: self.chance(), version: self.number())
        case .createChannel:
            return .createChannel(
                self.id(), name: self.text(), type: self.pick(ChannelType.allCases), topic: self.text(),
                by: self.actor(), self.optional(self.key()))
        case .abortChannel: return .abortChannel(self.id())
        case .joinChannel: return .joinChannel(self.id(), by: self.actor())
        case .leaveChannel: return .leaveChannel(self.id(), by: self.actor())
        case .addMember: return .addMember(self.id(), self.id(), by: self.actor())
        case .removeMember: return .removeMember(self.id(), self.id(), by: self.actor())
        case .postMessage:
            return .postMessage(self.id(), self.content(), by: self.actor(), self.optional(self.key()))
        case .applyEffect: return .applyEffect(self.entry())
        case .outboxDelivered: return .outboxDelivered(target: ShardID(4), through: self.position())
        case .startNode:
            return .startNode(
                NodeStart(
                    node: node, boot: BootCounter(self.number()), nonce: self.generator.next(),
                    address: PeerAddress(host: "h", port: 1), clientAddress: self.text(),
                    versions: FeatureRange(FeatureVersion(1), FeatureVersion(7)) ?? .current))
        case .activateNodes: return .activateNodes([node, NodeID(high: 1, low: self.number())])
        case .drainNode: return .drainNode(node)
        case .removeNode: return .removeNode(node)
        case .buryNode: return .buryNode(node)
        case .setActiveVersion: return .setActiveVersion(FeatureVersion(300))
        default: preconditionFailure("\(kind) is one of the later ones")
        }
    }

    mutating func query(_ kind: QueryKind) -> Query {
        let limit = UInt32(self.number(1000))
        switch kind {
        case .nameOwner: return .nameOwner(self.name())
        case .listedChannels: return .listedChannels(prefix: self.text(), after: self.text(), limit: limit)
        case .user: return .user(self.id())
        case .credentials: return .credentials(self.id())
        case .session: return .session(self.id(), self.id())
        case .memberships: return .memberships(self.id())
        case .channel: return .channel(self.id(), viewer: self.actor())
        case .channels: return .channels([self.id(), self.id()], viewer: self.actor())
        case .members:
            return .members(self.id(), viewer: self.actor(), after: self.optional(self.id()), limit: limit)
        case .history:
            let positions: [HistoryPosition] = [.newest, .before(self.number()), .after(1), .around(7)]
            return .history(self.id(), viewer: self.actor(), self.pick(positions), limit: limit)
        case .message: return .message(MessageID(channel: self.id(), seq: self.number()), viewer: self.actor())
        case .events: return .events(self.id(), viewer: self.actor(), after: self.number(), limit: limit)
        case .feed: return .feed(self.id(), after: self.number(), limit: limit)
        default: preconditionFailure("\(kind) is one of the later ones")
        }
    }

    /// One value of every case of every type with a binary form.
    mutating func samples() -> [Sample] {
        var samples: [Sample] = []
        // Later kinds come last, so that the values before them stay what they were.
        let late: [CommandKind] = [
            .startNode, .activateNodes, .drainNode, .removeNode, .buryNode, .setActiveVersion,
        ]
        for kind in CommandKind.allCases where !late.contains(kind) && Self.isEarly(kind) {
            samples.append(Sample("\(kind)", self.command(kind)))
        }
        for kind in QueryKind.allCases where Self.isEarly(kind) { samples.append(Sample("\(kind)", self.query(kind))) }
        samples.append(Sample("any", LoggedCommand(at: self.time(), command: self.command(.postMessage))))
        for refusal in Refusal.allCases where refusal.rawValue <= 17 { samples.append(Sample("\(refusal)", refusal)) }
        for role in Role.allCases { samples.append(Sample("\(role)", role)) }
        for type in ChannelType.allCases { samples.append(Sample("\(type)", type)) }
        for role in ChannelRole.allCases { samples.append(Sample("\(role)", role)) }
        for registration in Registration.allCases { samples.append(Sample("\(registration)", registration)) }
        samples.append(Sample("any", self.actor()))
        samples.append(Sample("any", self.user()))
        samples.append(Sample("any", self.session()))
        samples.append(Sample("any", self.channel()))
        samples.append(Sample("any", self.member()))
        samples.append(Sample("any", self.secrets()))
        samples.append(Sample("any", self.entry()))
        samples.append(Sample("any", self.key()))
        samples += [
            Sample("messageCreated", EventBody.messageCreated(self.content())),
            Sample("memberJoined", EventBody.memberJoined(self.id(), .member)),
            Sample("memberLeft", EventBody.memberLeft(self.id(), .owner)),
            Sample("any", self.event()),
            Sample("channelJoined", UserNotice.channelJoined(self.id(), seq: self.number())),
            Sample("channelLeft", UserNotice.channelLeft(self.id())),
            Sample("sessionRevoked", UserNotice.sessionRevoked(self.id())),
            Sample("user", NameOwner.user(self.id())), Sample("channel", NameOwner.channel(self.id())),
            Sample("directory", ShardKey.directory), Sample("user", ShardKey.user(self.id())),
            Sample("channel", ShardKey.channel(self.id())), Sample("shard", ShardKey.shard(ShardID(300))),
            Sample("membership", ShardEffect.setMembership(self.id(), self.id(), isMember: true, version: 9)),
            Sample("revoke", ShardEffect.revokeSession(self.id(), self.id(), until: self.time())),
            Sample("newest", HistoryPosition.newest), Sample("before", HistoryPosition.before(300)),
            Sample("after", HistoryPosition.after(0)), Sample("around", HistoryPosition.around(1 << 40)),
            Sample("event", FeedItem.event(self.event())),
            Sample("reset", FeedItem.reset(self.id(), head: self.number())),
            Sample("notice", FeedItem.notice(self.id(), .channelLeft(self.id()))),
        ]
        samples += [
            Sample("done", CommandResult.done), Sample("refused", CommandResult.refused(.lastOwner)),
            Sample("reserved", CommandResult.reserved(.admin)), Sample("user", CommandResult.user(self.user())),
            Sample("session", CommandResult.session(self.session())),
            Sample("channel", CommandResult.channel(self.channel())),
            Sample("membership", CommandResult.membership(self.channel(), seq: self.number())),
            Sample("message", CommandResult.message(self.event())),
        ]
        let state = ChannelState(channel: self.channel(), member: self.member())
        let other = ChannelState(channel: self.channel(), member: nil)
        samples += [
            Sample("refused", QueryAnswer.refused(.notFound)), Sample("nobody", QueryAnswer.nameOwner(nil)),
            Sample("nameOwner", QueryAnswer.nameOwner(self.owner())),
            Sample(
                "listedChannels", QueryAnswer.listedChannels([ListedChannel(name: self.text(), id: self.id())])),
            Sample("user", QueryAnswer.user(self.user())), Sample("session", QueryAnswer.session(self.session())),
            Sample("memberships", QueryAnswer.memberships([self.id(), self.id()])),
            Sample("channel", QueryAnswer.channel(state)), Sample("channels", QueryAnswer.channels([state, other])),
            Sample("members", QueryAnswer.members([self.member(), self.member()])),
            Sample("events", QueryAnswer.events([self.event(), self.event()], head: self.number())),
        ]
        for kind in late { samples.append(Sample("\(kind)", self.command(kind))) }
        return samples + self.laterSamples()
    }
}
