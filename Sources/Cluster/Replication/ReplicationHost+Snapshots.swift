// Snapshots: the shell round sender and receiver, and the switch from one state to another.

import ChatMachine
import ClusterModel
import Failpoints
import Logging
import NIOCore
import Placement
import Projections
import Raft
import WriteAheadLog

/// The node's transfers.
struct SnapshotTraffic {
    var sender: SnapshotSender
    var receiver: SnapshotReceiver
    /// The recipients that the core of their shard waits for.
    var askedByCore: Set<SnapshotRecipient> = []
    var outgoing: [SnapshotSender.Effect] = []
    var incoming: [SnapshotReceiver.Effect] = []

    init(settings: SnapshotTransferSettings) {
        self.sender = SnapshotSender(settings: settings)
        self.receiver = SnapshotReceiver(settings: settings)
    }
}

extension ReplicationHost {
    // MARK: Messages

    /// Any thread.
    package func received(_ message: HostMessage, from node: NodeID) {
        guard message.cluster == self.cluster, message.from.node == node, message.to.node == self.node else { return }
        self.loop.execute {
            guard self.isRunning, !self.isStopped, self.shardMap.contains(message.shard) else { return }
            self.received(message)
            self.scheduleFlush()
        }
    }

    private func received(_ message: HostMessage) {
        let shard = message.shard
        switch message.body {
        case .offer(let manifest):
            self.receive(
                .offered(shard, manifest, from: message.from, to: message.to, self.standing(for: manifest, message)))
        case .chunk(let id, let offset, let bytes):
            self.receive(.chunk(shard, id, from: message.from, offset: offset, bytes: bytes))
        case .progress, .taken, .refused:
            self.send(.answered(SnapshotRecipient(shard: shard, replica: message.from), message.body))
        case .stateWanted(let index):
            guard let replica = self.replicas[Int(shard.rawValue)], replica.isCurrent, !replica.isDetached,
                replica.appliedIndex >= index
            else { return }
            self.send(.wanted(SnapshotRecipient(shard: shard, replica: message.from), from: index))
        case .membershipAsked: self.membershipAsked(shard, by: message.from)
        case .leftOut(let index): self.provenLeftOut(shard, message.to.id, at: index)
        case .lost: self.peerLost(shard, message.from)
        }
    }

    /// What this node's replica makes of an offer.
    private func standing(for manifest: SnapshotManifest, _ message: HostMessage) -> SnapshotReceiver.Standing {
        guard let replica = self.replicas[Int(message.shard.rawValue)], replica.raft.id == message.to.id,
            !replica.isLeaving
        else { return .unknownReplica }
        switch replica.standing {
        case .awaitingState(let index):
            return manifest.point.index >= index ? .wanting : .standing(replica.raft.commitIndex)
        case .installing: return .wanting
        case .current, .catchingUp:
            // Committed here is committed everywhere: the sender may go on behind it.
            return replica.raft.commitIndex >= manifest.point.index ? .standing(replica.raft.commitIndex) : .wanting
        }
    }

    func post(_ body: HostMessage.Body, of shard: ShardID, from: Replica, to: Replica) {
        self.links.send(
            HostMessage(cluster: self.cluster, shard: shard, from: from, to: to, body: body), to: to.node)
    }

    // MARK: Out

    /// The core has no entries for this follower any more.
    func sendSnapshot(of replica: ShardReplica, to follower: Replica) {
        let recipient = SnapshotRecipient(shard: replica.shard, replica: follower)
        self.snapshots.askedByCore.insert(recipient)
        self.send(.wanted(recipient, from: replica.raft.baseIndex))
    }

    func stoppedLeading(_ replica: ShardReplica) {
        guard !self.snapshots.sender.isIdle else { return }
        self.send(.cancelled(replica.shard))
    }

    func tickSnapshots() {
        if !self.snapshots.sender.isIdle { self.send(.tick(milliseconds: self.milliseconds)) }
        if self.snapshots.receiver.count > 0 { self.receive(.tick(milliseconds: self.milliseconds)) }
    }

    private func send(_ input: SnapshotSender.Input) {
        // An effect may step again; each call has a list of its own.
        var effects = self.snapshots.outgoing
        self.snapshots.outgoing = []
        effects.removeAll(keepingCapacity: true)
        self.snapshots.sender.step(input, into: &effects)
        for effect in effects { self.perform(effect) }
        effects.removeAll(keepingCapacity: true)
        self.snapshots.outgoing = effects
    }

    private func perform(_ effect: SnapshotSender.Effect) {
        let store = self.platform.shards
        switch effect {
        case .make(let shard): self.make(shard)
        case .read(let recipient, let id, let offset, let count):
            self.run(on: self.bulkPool) { () throws(ProjectionError) in
                try store.readOutgoing(of: recipient.shard, at: offset, count: count)
            } _: { result in
                self.send(.read(recipient, id, offset: offset, bytes: self.logged(result, recipient.shard)))
            }
        case .send(let recipient, let body):
            if case .chunk(_, _, let bytes) = body {
                Failpoints.hit(.snapshotChunkSend)
                self.statistics.snapshotBytesSent += UInt64(bytes.count)
            } else {
                Failpoints.hit(.snapshotOfferSend)
            }
            self.post(
                body, of: recipient.shard, from: self.ownReplica(of: recipient.shard), to: recipient.replica)
        case .delivered(let recipient, let index):
            self.statistics.snapshotsSent += 1
            self.logger.info(
                "Snapshot delivered",
                metadata: [
                    "shard": "\(recipient.shard)", "raft.replica": "\(recipient.replica)", "raft.index": "\(index)",
                ])
            self.answerCore(recipient, .snapshotDelivered(to: recipient.replica.id, through: index))
        case .failed(let recipient, let refusal):
            self.logger.info(
                "Snapshot was not delivered",
                metadata: [
                    "shard": "\(recipient.shard)", "raft.replica": "\(recipient.replica)", "reason": "\(refusal)",
                ])
            self.answerCore(recipient, .snapshotFailed(to: recipient.replica.id))
        case .drop(let shard):
            self.run(on: self.bulkPool) { () throws(ProjectionError) in
                try store.removeOutgoing(of: shard)
            } _: {
                _ = self.logged($0, shard)
            }
        }
    }

    private func answerCore(_ recipient: SnapshotRecipient, _ input: RaftInput) {
        guard self.snapshots.askedByCore.remove(recipient) != nil else { return }
        self.replicas[Int(recipient.shard.rawValue)]?.step(input)
    }

    /// This node's replica as the sender of a word. One that is gone still has a node to answer.
    private func ownReplica(of shard: ShardID) -> Replica {
        Replica(id: self.replicas[Int(shard.rawValue)]?.raft.id ?? ReplicaID(0), node: self.node)
    }

    /// Copies the projection as soon as it holds all that is applied now, so that little is left to send behind it.
    private func make(_ shard: ShardID) {
        guard let replica = self.replicas[Int(shard.rawValue)], replica.isCurrent else {
            self.loop.execute { self.send(.made(shard, nil)) }
            return
        }
        let index = min(replica.appliedIndex, replica.syncedIndex)
        let giveUp = { self.loop.execute { self.send(.made(shard, nil)) } }
        replica.whenProjected(index, orElse: giveUp) {
            let (store, projection) = (self.platform.shards, replica.projection)
            self.run(on: self.bulkPool) { () throws(ProjectionError) in
                try store.makeOutgoing(of: shard, from: projection)
            } _: { result in
                guard let file = self.logged(result, shard), !replica.isLeaving,
                    let term = replica.raft.term(at: file.appliedIndex),
                    let note = replica.configurations.inForce(at: file.appliedIndex)
                else { return self.send(.made(shard, nil)) }
                self.statistics.snapshotsMade += 1
                let point = SnapshotPoint(
                    index: file.appliedIndex, term: term, configuration: note.configuration)
                self.send(.made(shard, SnapshotManifest(point: point, file: file)))
            }
        }
    }

    private func logged<Value>(_ result: Result<Value, ProjectionError>, _ shard: ShardID) -> Value? {
        switch result {
        case .success(let value): return value
        case .failure(let error):
            self.logger.warning("A snapshot's file failed", metadata: ["shard": "\(shard)", "error": "\(error)"])
            return nil
        }
    }

    // MARK: In

    private func receive(_ input: SnapshotReceiver.Input) {
        var effects = self.snapshots.incoming
        self.snapshots.incoming = []
        effects.removeAll(keepingCapacity: true)
        self.snapshots.receiver.step(input, into: &effects)
        for effect in effects { self.perform(effect) }
        effects.removeAll(keepingCapacity: true)
        self.snapshots.incoming = effects
    }

    private func perform(_ effect: SnapshotReceiver.Effect) {
        let store = self.platform.shards
        switch effect {
        case .begin(let shard, let manifest):
            self.write(shard, manifest.id, .began(shard, manifest.id)) { () throws(ProjectionError) in
                try store.beginIncoming(of: shard)
            }
        case .write(let shard, let id, let offset, let bytes):
            let end = offset + UInt64(bytes.count)
            self.statistics.snapshotBytesReceived += UInt64(bytes.count)
            self.write(shard, id, .wrote(shard, id, end: end)) { () throws(ProjectionError) in
                try store.writeIncoming(of: shard, bytes, at: offset)
            }
        case .seal(let shard, let manifest):
            self.write(shard, manifest.id, .sealed(shard, manifest.id)) { () throws(ProjectionError) in
                try store.sealIncoming(of: shard, as: manifest.file)
            }
        case .ready(let shard, let manifest, let sender): self.arrived(shard, manifest, from: sender)
        case .send(let shard, let body, let own, let sender): self.post(body, of: shard, from: own, to: sender)
        case .discard(let shard): self.discardIncoming(shard)
        }
    }

    private func write(
        _ shard: ShardID, _ id: SnapshotID, _ done: SnapshotReceiver.Input,
        _ work: @escaping @Sendable () throws(ProjectionError) -> Void
    ) {
        self.run(on: self.bulkPool, work) { result in
            if case .failure(.diskFull) = result { self.disk.projectionFoundNoRoom(at: self.milliseconds) }
            let isFull = if case .failure(.diskFull) = result { true } else { false }
            let isDone = self.logged(result, shard) != nil
            self.receive(isDone ? done : .failed(shard, id, isFull ? .diskFull : .failed))
        }
    }

    private func discardIncoming(_ shard: ShardID) {
        let store = self.platform.shards
        self.run(on: self.bulkPool) { () throws(ProjectionError) in
            try store.removeIncoming(of: shard)
        } _: {
            _ = self.logged($0, shard)
        }
    }

    /// A whole, verified, durable state lies on the disk: the core says what becomes of it, unless only the
    /// projection was missing.
    private func arrived(_ shard: ShardID, _ manifest: SnapshotManifest, from sender: Replica) {
        guard let replica = self.replicas[Int(shard.rawValue)], !replica.isLeaving else {
            return self.receive(.dropped(shard))
        }
        let point = manifest.point
        if replica.awaitsState, replica.raft.term(at: point.index) == point.term {
            replica.prepareForState(at: point, after: nil)
            self.switchState(of: replica, to: point)
            return
        }
        replica.step(.snapshotReady(point, from: sender.id))
        if case .installing = replica.standing { return }
        self.settled(replica)
    }

    /// Nothing (more) is to be done with what has arrived.
    private func settled(_ replica: ShardReplica) {
        self.receive(.settled(replica.shard, through: replica.raft.commitIndex))
        self.discardIncoming(replica.shard)
    }

    /// The log's new beginning is on disk, or was there before: the file may take the projection's place.
    func switchState(of replica: ShardReplica, to point: SnapshotPoint) {
        Failpoints.hit(.snapshotRecordAfter)
        let (store, platform, shard) = (self.platform.shards, self.platform, replica.shard)
        let old = replica.projection
        // On the writer: what was being written to the old file ends before it is closed.
        self.run(on: self.writerPool) {
            () throws(ProjectionError) -> (ShardMachine, any ReplicaProjection) in
            try old.close()
            try store.switchToSealed(of: shard)
            let projection = try platform.openProjection(of: shard)
            var machine = self.emptyMachine(of: shard)
            try projection.load(into: &machine)
            return (machine, projection)
        } _: { result in
            switch result {
            case .failure(let error): self.stop(.projection("shard \(shard), snapshot \(point.index): \(error)"))
            case .success(let (machine, projection)):
                self.statistics.snapshotsInstalled += 1
                self.logger.info(
                    "Snapshot installed", metadata: ["shard": "\(shard)", "raft.index": "\(point.index)"])
                replica.adopt(machine, projection)
                self.receive(.settled(shard, through: max(point.index, replica.raft.commitIndex)))
                if shard == .directory { self.directoryMachineChanged() }
                self.witness?.adopted(shard, at: replica.appliedIndex, stateHash: machine.stateHash)
            }
        }
    }

    /// The machine is where the core is again.
    func becameCurrent(_ replica: ShardReplica) {
        if replica.shard == .directory { self.directoryMachineChanged() }
        // Feeds and commands that found nobody here find somebody now.
        self.observer?.leaderChanged(replica.shard, leader: replica.leaderNode)
    }

    func forgetArrival(of shard: ShardID) { self.receive(.dropped(shard)) }
}
