// The snapshots that a node sends: a queue, two at a time, one budget of bytes for all.

import ClusterModel
import Projections
import Raft

/// One replica that is to get a shard's snapshot.
package struct SnapshotRecipient: Hashable, Sendable {
    package let shard: ShardID
    package let replica: Replica

    package init(shard: ShardID, replica: Replica) {
        self.shard = shard
        self.replica = replica
    }
}

/// The figures of snapshot transfers, alike at both ends.
package struct SnapshotTransferSettings: Sendable {
    /// Out of this node, and into it.
    package var slots = 2
    package var chunkBytes = HostMessage.chunkBytesMax
    /// Chunks under way to one recipient.
    package var windowChunks = 4
    /// Of all that this node sends together.
    package var bytesPerSecond = 16 << 20
    /// An offer or a chunk without an answer for this long is repeated.
    package var repeatMilliseconds: UInt64 = 1_000
    /// A recipient that says nothing for this long is given up; so is a sender.
    package var silenceMilliseconds: UInt64 = 15_000
    /// A copy is sent for no longer than this: what is erased from the state meanwhile still stands in it. Who has not got it
    /// by then is sent a new one.
    package var copyMillisecondsMax: UInt64 = 6 * 3_600 * 1_000

    package init() {}
}

/// All outgoing transfers of one node. Pure: files, messages and time come from outside.
///
///     queued → making → offered → sending → finishing → gone
///                          ↑__________________| nothing heard for a while, or busy
///
/// Everything is repeated until it is answered, and every answer may come twice, so a lost message costs time only.
package struct SnapshotSender: Sendable {
    package enum Input: Sendable {
        /// Only a state at `from` or later helps: the log behind an older one is gone.
        case wanted(SnapshotRecipient, from: LogIndex)
        /// The answer to `.make`; nil when there is none to be had.
        case made(ShardID, SnapshotManifest?)
        case answered(SnapshotRecipient, HostMessage.Body)
        /// The answer to `.read`; nil when the file can not be read.
        case read(SnapshotRecipient, SnapshotID, offset: UInt64, bytes: [UInt8]?)
        /// Nothing of this shard is to be sent any more: leadership has gone elsewhere.
        case cancelled(ShardID)
        case tick(milliseconds: UInt64)
    }

    package enum Effect: Hashable, Sendable {
        /// Copy the shard's projection, and say what stands in it.
        case make(ShardID)
        case read(SnapshotRecipient, SnapshotID, offset: UInt64, count: Int)
        case send(SnapshotRecipient, HostMessage.Body)
        case delivered(SnapshotRecipient, through: LogIndex)
        case failed(SnapshotRecipient, SnapshotRefusal)
        /// Nobody is sent this shard's copy any more.
        case drop(ShardID)
    }

    private enum Phase: Equatable {
        case queued
        case making
        /// → sending on `.progress`.
        case offered
        /// → finishing when everything was acknowledged.
        case sending
        /// The recipient looks through the file and takes it over. → gone on `.taken`.
        case finishing
        /// The recipient has no room. → offered after a while.
        case pausing(until: UInt64)
    }

    private struct Transfer {
        let recipient: SnapshotRecipient
        /// An older state would be delivered in vain, and asked for again.
        let from: LogIndex
        var phase = Phase.queued
        var manifest: SnapshotManifest?
        /// When the copy was made.
        var madeAt: UInt64 = 0
        /// Everything below was acknowledged.
        var acknowledged: UInt64 = 0
        /// The next byte to read and send.
        var next: UInt64 = 0
        var isReading = false
        var heardAt: UInt64
        var repeatedAt: UInt64

        var holdsSlot: Bool {
            switch self.phase {
            case .queued, .pausing: false
            case .making, .offered, .sending, .finishing: true
            }
        }
    }

    private let settings: SnapshotTransferSettings
    private var transfers: [Transfer] = []
    private var now: UInt64 = 0
    private var budget: Int

    package init(settings: SnapshotTransferSettings) {
        self.settings = settings
        self.budget = settings.bytesPerSecond / 8
    }

    package var isIdle: Bool { self.transfers.isEmpty }
    package var activeCount: Int { self.transfers.count { $0.holdsSlot } }

    package mutating func step(_ input: Input, into effects: inout [Effect]) {
        switch input {
        case .wanted(let recipient, let from):
            guard self.place(of: recipient) == nil else { return }
            self.transfers.append(Transfer(recipient: recipient, from: from, heardAt: self.now, repeatedAt: self.now))
        case .made(let shard, let manifest): self.made(shard, manifest, &effects)
        case .answered(let recipient, let body): self.answered(recipient, body, &effects)
        case .read(let recipient, let id, let offset, let bytes): self.read(recipient, id, offset, bytes, &effects)
        case .cancelled(let shard):
            for transfer in self.transfers where transfer.recipient.shard == shard {
                self.end(transfer.recipient, .failed(transfer.recipient, .failed), &effects)
            }
        case .tick(let milliseconds): self.tick(milliseconds, &effects)
        }
        self.advance(&effects)
    }

    private func place(of recipient: SnapshotRecipient) -> Int? {
        self.transfers.firstIndex { $0.recipient == recipient }
    }

    private mutating func made(_ shard: ShardID, _ manifest: SnapshotManifest?, _ effects: inout [Effect]) {
        for transfer in self.transfers where transfer.recipient.shard == shard && transfer.phase == .making {
            if let manifest {
                self.offer(transfer.recipient, manifest, madeAt: self.now, &effects)
            } else {
                self.end(transfer.recipient, .failed(transfer.recipient, .failed), &effects)
            }
        }
        // Cancelled meanwhile, or of no use: the copy may stand there all the same.
        let isWanted = self.transfers.contains {
            $0.recipient.shard == shard && ($0.manifest != nil || $0.phase == .making)
        }
        if !isWanted { effects.append(.drop(shard)) }
    }

    private mutating func offer(
        _ recipient: SnapshotRecipient, _ manifest: SnapshotManifest, madeAt: UInt64, _ effects: inout [Effect]
    ) {
        guard let place = self.place(of: recipient) else { return }
        self.transfers[place].manifest = manifest
        self.transfers[place].madeAt = madeAt
        self.transfers[place].phase = .offered
        self.transfers[place].heardAt = self.now
        self.transfers[place].repeatedAt = self.now
        effects.append(.send(recipient, .offer(manifest)))
    }

    private mutating func answered(
        _ recipient: SnapshotRecipient, _ body: HostMessage.Body, _ effects: inout [Effect]
    ) {
        guard let place = self.place(of: recipient), let manifest = self.transfers[place].manifest else { return }
        switch body {
        case .progress(manifest.id, let offset, let rewind) where offset <= manifest.file.bytes:
            guard self.transfers[place].holdsSlot else { return }
            self.transfers[place].heardAt = self.now
            self.transfers[place].repeatedAt = self.now
            if rewind {
                self.transfers[place].acknowledged = offset
                self.transfers[place].next = offset
            } else {
                self.transfers[place].acknowledged = max(self.transfers[place].acknowledged, offset)
                self.transfers[place].next = max(self.transfers[place].next, offset)
            }
            self.transfers[place].phase = offset == manifest.file.bytes ? .finishing : .sending
        case .taken(manifest.id, let index):
            self.end(recipient, .delivered(recipient, through: index), &effects)
        case .refused(manifest.id, .busy):
            self.transfers[place].phase = .pausing(until: self.now + self.settings.repeatMilliseconds)
        case .refused(manifest.id, let refusal):
            self.end(recipient, .failed(recipient, refusal), &effects)
        case .offer, .chunk, .progress, .taken, .refused, .stateWanted, .membershipAsked, .leftOut, .lost:
            break  // Of an earlier transfer, or no answer at all.
        }
    }

    private mutating func read(
        _ recipient: SnapshotRecipient, _ id: SnapshotID, _ offset: UInt64, _ bytes: [UInt8]?,
        _ effects: inout [Effect]
    ) {
        guard let place = self.place(of: recipient), self.transfers[place].manifest?.id == id else { return }
        self.transfers[place].isReading = false
        guard let bytes, !bytes.isEmpty else {
            self.end(recipient, .failed(recipient, .failed), &effects)
            return
        }
        // Rewound meanwhile: what was read is not what is wanted next.
        guard self.transfers[place].phase == .sending, self.transfers[place].next == offset else { return }
        self.transfers[place].next = offset + UInt64(bytes.count)
        effects.append(.send(recipient, .chunk(id, offset: offset, bytes: bytes)))
    }

    private mutating func end(_ recipient: SnapshotRecipient, _ effect: Effect, _ effects: inout [Effect]) {
        guard let place = self.place(of: recipient) else { return }
        let hadFile = self.transfers.remove(at: place).manifest != nil
        effects.append(effect)
        let isShared = self.transfers.contains { $0.recipient.shard == recipient.shard && $0.manifest != nil }
        if hadFile, !isShared { effects.append(.drop(recipient.shard)) }
    }

    private mutating func tick(_ milliseconds: UInt64, _ effects: inout [Effect]) {
        let passed = milliseconds > self.now ? milliseconds - self.now : 0
        self.now = max(self.now, milliseconds)
        // Never more than a quarter of a second's worth at once, however long nothing was sent.
        let more = Int(min(passed, 250)) * self.settings.bytesPerSecond / 1_000
        self.budget = min(self.budget + more, max(self.settings.bytesPerSecond / 4, self.settings.chunkBytes))
        for transfer in self.transfers {
            guard let place = self.place(of: transfer.recipient) else { continue }
            if transfer.manifest != nil, self.now - transfer.madeAt >= self.settings.copyMillisecondsMax {
                self.end(transfer.recipient, .failed(transfer.recipient, .failed), &effects)
                continue
            }
            switch transfer.phase {
            case .queued: break
            case .making: self.transfers[place].heardAt = self.now
            case .pausing(let until):
                if self.now >= until { self.transfers[place].phase = .queued }
            case .offered, .sending, .finishing:
                if self.now - transfer.heardAt >= self.settings.silenceMilliseconds {
                    self.end(transfer.recipient, .failed(transfer.recipient, .failed), &effects)
                } else if self.now - transfer.repeatedAt >= self.settings.repeatMilliseconds,
                    let manifest = transfer.manifest
                {
                    // The answer says where to go on: chunks may have been lost with a connection.
                    self.transfers[place].repeatedAt = self.now
                    effects.append(.send(transfer.recipient, .offer(manifest)))
                }
            }
        }
    }

    /// Fills free slots from the queue, and the windows from the budget, each recipient in turn.
    private mutating func advance(_ effects: inout [Effect]) {
        for transfer in self.transfers where transfer.phase == .queued {
            guard self.activeCount < self.settings.slots, let place = self.place(of: transfer.recipient) else { break }
            if let copy = transfer.manifest.map({ ($0, transfer.madeAt) }) ?? self.copy(of: transfer.recipient.shard) {
                // A copy that is too old for this one is still on its way to another: the next is made behind it.
                if copy.manifest.point.index >= transfer.from {
                    self.offer(transfer.recipient, copy.manifest, madeAt: copy.madeAt, &effects)
                }
                continue
            }
            self.transfers[place].phase = .making
            let isBeingMade = self.transfers.contains {
                $0.recipient != transfer.recipient && $0.recipient.shard == transfer.recipient.shard
                    && $0.phase == .making
            }
            if !isBeingMade { effects.append(.make(transfer.recipient.shard)) }
        }
        for place in self.transfers.indices where self.transfers[place].phase == .sending {
            let transfer = self.transfers[place]
            guard let manifest = transfer.manifest, !transfer.isReading, transfer.next < manifest.file.bytes else {
                continue
            }
            let underWay = transfer.next - min(transfer.acknowledged, transfer.next)
            let count = Int(min(UInt64(self.settings.chunkBytes), manifest.file.bytes - transfer.next))
            guard underWay < UInt64(self.settings.windowChunks * self.settings.chunkBytes), self.budget >= count
            else { continue }
            self.budget -= count
            self.transfers[place].isReading = true
            effects.append(.read(transfer.recipient, manifest.id, offset: transfer.next, count: count))
        }
    }

    /// The copy that another recipient of the shard is being sent.
    private func copy(of shard: ShardID) -> (manifest: SnapshotManifest, madeAt: UInt64)? {
        self.transfers.lazy.compactMap { transfer in
            transfer.recipient.shard == shard ? transfer.manifest.map { ($0, transfer.madeAt) } : nil
        }.first
    }
}
