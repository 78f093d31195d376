// The snapshots that arrive at a node: two at a time, each written as it comes, verified, then handed to its replica.

import ClusterModel
import Projections
import Raft

/// All incoming transfers of one node. Pure: files, messages and time come from outside.
///
///     beginning → receiving → sealing → waiting (for the replica to take it over) → gone
///
/// The file is found again by what it holds, not by who sends it: another sender, or the same one after a lost
/// connection, goes on where the bytes end.
package struct SnapshotReceiver: Sendable {
    /// What the host knows of the replica that an offer is for.
    package enum Standing: Hashable, Sendable {
        /// It needs a state.
        case wanting
        /// It stands at this index already.
        case standing(LogIndex)
        case unknownReplica
    }

    package enum Input: Sendable {
        case offered(ShardID, SnapshotManifest, from: Replica, to: Replica, Standing)
        case chunk(ShardID, SnapshotID, from: Replica, offset: UInt64, bytes: [UInt8])
        case began(ShardID, SnapshotID)
        case wrote(ShardID, SnapshotID, end: UInt64)
        case sealed(ShardID, SnapshotID)
        case failed(ShardID, SnapshotID, SnapshotRefusal)
        /// The replica has taken the file over, or does not need it: it stands at this index.
        case settled(ShardID, through: LogIndex)
        /// There is no such replica any more.
        case dropped(ShardID)
        case tick(milliseconds: UInt64)
    }

    package enum Effect: Hashable, Sendable {
        case begin(ShardID, SnapshotManifest)
        case write(ShardID, SnapshotID, offset: UInt64, bytes: [UInt8])
        /// Make it durable, look through it, give it the name under which it waits.
        case seal(ShardID, SnapshotManifest)
        /// It is whole and durable: tell the core.
        case ready(ShardID, SnapshotManifest, from: Replica)
        case send(ShardID, HostMessage.Body, from: Replica, to: Replica)
        /// Remove what has arrived.
        case discard(ShardID)
    }

    private enum Phase: Equatable {
        case beginning
        case receiving
        case sealing
        case waiting
    }

    private struct Arrival {
        let manifest: SnapshotManifest
        var own: Replica
        var sender: Replica
        var phase = Phase.beginning
        /// Everything below was handed out to be written.
        var accepted: UInt64 = 0
        /// Everything below is in the file.
        var written: UInt64 = 0
        var heardAt: UInt64
    }

    private let settings: SnapshotTransferSettings
    private var arrivals: [ShardID: Arrival] = [:]
    private var now: UInt64 = 0

    package init(settings: SnapshotTransferSettings) { self.settings = settings }

    package var count: Int { self.arrivals.count }

    package mutating func step(_ input: Input, into effects: inout [Effect]) {
        switch input {
        case .offered(let shard, let manifest, let sender, let own, let standing):
            self.offered(shard, manifest, sender, own, standing, &effects)
        case .chunk(let shard, let id, let sender, let offset, let bytes):
            self.chunk(shard, id, sender, offset, bytes, &effects)
        case .began(let shard, let id):
            guard let arrival = self.arrivals[shard], arrival.manifest.id == id, arrival.phase == .beginning else {
                return
            }
            self.arrivals[shard]?.phase = .receiving
            self.answer(shard, .progress(id, offset: 0, rewind: true), &effects)
        case .wrote(let shard, let id, let end): self.wrote(shard, id, end, &effects)
        case .sealed(let shard, let id):
            guard let arrival = self.arrivals[shard], arrival.manifest.id == id, arrival.phase == .sealing else {
                return
            }
            self.arrivals[shard]?.phase = .waiting
            effects.append(.ready(shard, arrival.manifest, from: arrival.sender))
        case .failed(let shard, let id, let refusal):
            guard self.arrivals[shard]?.manifest.id == id else { return }
            self.answer(shard, .refused(id, refusal), &effects)
            self.forget(shard, &effects)
        case .settled(let shard, let index):
            guard let arrival = self.arrivals[shard] else { return }
            self.answer(shard, .taken(arrival.manifest.id, through: index), &effects)
            self.arrivals[shard] = nil
        case .dropped(let shard):
            guard let arrival = self.arrivals[shard] else { return }
            self.answer(shard, .refused(arrival.manifest.id, .unknownReplica), &effects)
            self.forget(shard, &effects)
        case .tick(let milliseconds):
            self.now = max(self.now, milliseconds)
            for shard in self.arrivals.keys.sorted() {
                guard let arrival = self.arrivals[shard], arrival.phase == .receiving,
                    self.now - arrival.heardAt >= self.settings.silenceMilliseconds
                else { continue }
                self.forget(shard, &effects)
            }
        }
    }

    private mutating func offered(
        _ shard: ShardID, _ manifest: SnapshotManifest, _ sender: Replica, _ own: Replica, _ standing: Standing,
        _ effects: inout [Effect]
    ) {
        func reply(_ body: HostMessage.Body) { effects.append(.send(shard, body, from: own, to: sender)) }
        switch standing {
        case .unknownReplica: return reply(.refused(manifest.id, .unknownReplica))
        case .standing(let index): return reply(.taken(manifest.id, through: index))
        case .wanting: break
        }
        if var arrival = self.arrivals[shard] {
            if arrival.manifest == manifest {
                arrival.sender = sender
                arrival.own = own
                arrival.heardAt = self.now
                // Whatever is on its way to the file is as good as there.
                let rewind = arrival.phase == .receiving
                self.arrivals[shard] = arrival
                if arrival.phase != .beginning {
                    reply(.progress(manifest.id, offset: arrival.accepted, rewind: rewind))
                }
                return
            }
            // The file is about to be taken over: nothing else may touch it now.
            let isReplaceable = arrival.phase == .receiving
            let isBetter =
                sender == arrival.sender || manifest.point.index > arrival.manifest.point.index
                || self.now - arrival.heardAt >= 2 * self.settings.repeatMilliseconds
            guard isReplaceable, isBetter else { return reply(.refused(manifest.id, .busy)) }
        } else if self.arrivals.count >= self.settings.slots {
            return reply(.refused(manifest.id, .busy))
        }
        guard manifest.file.schemaVersion <= SnapshotFile.schemaVersionMax else {
            return reply(.refused(manifest.id, .unknownSchema))
        }
        self.arrivals[shard] = Arrival(manifest: manifest, own: own, sender: sender, heardAt: self.now)
        effects.append(.begin(shard, manifest))
    }

    private mutating func chunk(
        _ shard: ShardID, _ id: SnapshotID, _ sender: Replica, _ offset: UInt64, _ bytes: [UInt8],
        _ effects: inout [Effect]
    ) {
        guard let arrival = self.arrivals[shard], arrival.manifest.id == id, arrival.sender == sender,
            arrival.phase == .receiving, !bytes.isEmpty
        else { return }
        self.arrivals[shard]?.heardAt = self.now
        guard offset == arrival.accepted else {
            // One before it was lost; those that follow it say nothing new.
            if offset > arrival.accepted {
                self.answer(shard, .progress(id, offset: arrival.accepted, rewind: true), &effects)
            }
            return
        }
        // A sender keeps to its window; one that does not must not fill our memory.
        let window = UInt64(2 * self.settings.windowChunks * self.settings.chunkBytes)
        guard bytes.count <= self.settings.chunkBytes, offset - arrival.written <= window,
            UInt64(bytes.count) <= arrival.manifest.file.bytes - offset
        else {
            self.answer(shard, .refused(id, .failed), &effects)
            self.forget(shard, &effects)
            return
        }
        self.arrivals[shard]?.accepted = offset + UInt64(bytes.count)
        effects.append(.write(shard, id, offset: offset, bytes: bytes))
    }

    private mutating func wrote(_ shard: ShardID, _ id: SnapshotID, _ end: UInt64, _ effects: inout [Effect]) {
        guard let arrival = self.arrivals[shard], arrival.manifest.id == id, arrival.phase == .receiving else { return }
        self.arrivals[shard]?.written = max(arrival.written, end)
        self.answer(shard, .progress(id, offset: end, rewind: false), &effects)
        guard end == arrival.manifest.file.bytes else { return }
        self.arrivals[shard]?.phase = .sealing
        effects.append(.seal(shard, arrival.manifest))
    }

    private func answer(_ shard: ShardID, _ body: HostMessage.Body, _ effects: inout [Effect]) {
        guard let arrival = self.arrivals[shard] else { return }
        effects.append(.send(shard, body, from: arrival.own, to: arrival.sender))
    }

    private mutating func forget(_ shard: ShardID, _ effects: inout [Effect]) {
        self.arrivals[shard] = nil
        effects.append(.discard(shard))
    }
}
