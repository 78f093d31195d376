import ChatModel
import ClusterModel

// Channels come into being, and each one's events get their numbers.

struct ChannelEntry: Sendable, Equatable {
    var record: ChannelRecord
    /// Sorted by user.
    var members: [MemberRecord] = []
    var index = MessageIndex()
    var extra: ChannelExtra
    var content = ChannelContent()

    init(record: ChannelRecord, extra: ChannelExtra? = nil) {
        self.record = record
        self.extra =
            extra
            ?? ChannelExtra(
                folded: FoldedName.ascii(record.name), nameEpoch: 0, broadcastRight: nil, retentionDays: nil)
    }

    func member(_ user: UserID) -> MemberRecord? {
        let (place, isPresent) = self.members.place(of: user, by: \.user)
        return isPresent ? self.members[place] : nil
    }

    /// Members see it, and everybody but guests sees a public one. To others it is not there.
    func isVisible(to actor: Actor) -> Bool {
        self.member(actor.user) != nil || (self.record.type == .public && actor.role > .guest)
    }

    /// The place of the channel's next event.
    mutating func takeNumber() -> MessageID {
        self.record.seq += 1
        return MessageID(channel: self.record.id, seq: self.record.seq)
    }

    /// Only now is there an event whose time will be over. Mutating, as `takeNumber`.
    fileprivate mutating func hasFirstEventNow() -> Bool { self.index.head == self.index.floor + 1 }

    /// Room for another event: rows are numbered with 32 bits for the seq.
    var isFull: Bool { self.record.seq >= UInt64(UInt32.max) - 1 }
}

/// What a creation's idempotency key led to.
struct Creation: Sendable, Equatable {
    let channel: ChannelID
    let fingerprint: UInt64
    let at: Timestamp
}

/// The creations of the last 24 hours that came with a key.
struct CreationKeys: Sendable, Equatable {
    var byKey: [StoredKeyHash: Creation] = [:]
    /// No entry is older; `.max` when there is none.
    var earliest = Timestamp(milliseconds: .max)
}

struct StoredKeyHash: Hashable, Sendable {
    let high: UInt64
    let low: UInt64
    init(_ key: StoredKey) {
        self.high = key.high
        self.low = key.low
    }
}

extension ShardMachine {
    /// The seq of the channel's last event; nil for a channel that is not here.
    package func head(of channel: ChannelID) -> UInt64? { self.channels[channel]?.record.seq }

    /// Who is in the channel, without asking for whom: for the shell's own use.
    package func isMember(_ user: UserID, of channel: ChannelID) -> Bool {
        self.channels[channel]?.member(user) != nil
    }

    /// - Parameter folded: the name as the directory reserved it; nil where its lower case is that of ASCII.
    mutating func create(
        _ id: ChannelID, _ name: String, _ type: ChannelType, _ topic: String, _ actor: Actor, _ key: IdempotencyKey?,
        folded: String? = nil, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let stored = key?.storedForCreation()
        if let stored, let earlier = self.creationKeys.byKey[StoredKeyHash(stored)] {
            guard earlier.fingerprint == stored.fingerprint else { return .refused(.idempotencyKeyReused) }
            return self.channels[earlier.channel].map { .channel($0.record) } ?? .refused(.notFound)
        }
        guard actor.role > .guest else { return .refused(.forbidden) }
        if self.abortedChannels.contains(id) { return .refused(.aborted) }
        if let known = self.channels[id]?.record {
            let isSame = known.createdBy == actor.user && known.name.utf8.elementsEqual(name.utf8) && known.type == type
            return isSame ? .channel(known) : .refused(.alreadyExists)
        }
        guard !self.isCongested else { return .refused(.congested) }
        let record = ChannelRecord(
            id: id, name: name, type: type, topic: topic, createdBy: actor.user, createdAt: self.clock,
            memberCount: 0, seq: 0)
        self.channels[id] = ChannelEntry(record: record)
        self.record(.put(kind: .channel, key: RecordKey.of(id), value: record.encoded), &effects)
        if let folded, let index = self.channels.index(forKey: id) {
            self.channels.values[index].extra.folded = folded
            let extra = self.channels.values[index].extra
            self.record(.put(kind: .channelExtra, key: RecordKey.of(id), value: extra.encoded), &effects)
        }
        if let stored {
            self.remember(stored, Creation(channel: id, fingerprint: stored.fingerprint, at: self.clock))
        }
        if let folded {
            let name = UniqueName(kind: .channel, name: folded)
            self.send(.keepName(name, id, isListed: type == .public), to: .directory, &effects)
        }
        self.admit(actor.user, .owner, to: id, by: actor.user, key: stored, &effects)
        return self.channels[id].map { .channel($0.record) } ?? .refused(.notFound)
    }

    mutating func abort(_ channel: ChannelID, _ effects: inout ApplyEffects) -> CommandResult {
        guard self.channels[channel] == nil else { return .refused(.alreadyExists) }
        guard self.abortedChannels.insert(channel).inserted else { return .done }
        self.record(.put(kind: .abortedChannel, key: RecordKey.of(channel), value: []), &effects)
        return .done
    }

    /// Here and in `apply(_:of:at:into:)` of a plain message, nowhere else, a channel's seq rises.
    @discardableResult
    mutating func emit(
        _ body: EventBody, in index: Dictionary<ChannelID, ChannelEntry>.Index, by actor: UserID, key: StoredKey?,
        _ effects: inout ApplyEffects
    ) -> DurableEvent {
        let id = self.channels.values[index].takeNumber()
        let event = DurableEvent(channel: id.channel, seq: id.seq, at: self.clock, actor: actor, body: body)
        self.note(MessageIndex.Mark(event), in: index)
        effects.events.append(event)
        self.record(.event(event, idempotency: key), &effects)
        return event
    }

    /// What is kept of the event that has just got its number.
    mutating func note(_ mark: MessageIndex.Mark, in index: Dictionary<ChannelID, ChannelEntry>.Index) {
        self.channels.values[index].index.append(mark)
        if self.channels.values[index].hasFirstEventNow() { self.moveRetention(in: index, from: nil) }
    }

    mutating func remember(_ key: StoredKey, _ creation: Creation) {
        self.creationKeys.byKey[StoredKeyHash(key)] = creation
        self.creationKeys.earliest = min(self.creationKeys.earliest, creation.at)
    }

    /// Creations are few, and the table is looked through only when its first entry's life is over.
    mutating func removeExpiredCreations() {
        let horizon = self.keysForgottenThrough
        guard !self.creationKeys.byKey.isEmpty, self.creationKeys.earliest <= horizon else { return }
        self.creationKeys.byKey = self.creationKeys.byKey.filter { $0.value.at > horizon }
        self.creationKeys.earliest = self.creationKeys.byKey.values.map(\.at).min() ?? Timestamp(milliseconds: .max)
    }
}
