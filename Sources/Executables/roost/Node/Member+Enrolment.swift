import ChatModel
import ChatService
import ClusterModel
import Identity
import Logging
import Membership
import Routing

/// What a process runs as; the directory must say the same of it.
struct Enrolment: Sendable {
    let advertised: PeerAddress
    let clientAddress: String
    let registration: Registration
    let versions: FeatureRange
}

extension Member {
    /// Brings the directory to say of this node what is true: registered, this process, this address. Returns when
    /// the directory's leader has let it in. Asks again until it does; every step is idempotent.
    ///
    /// - Throws: `NodeFailure` when the directory has decided against this data directory or this program.
    func enrol(_ enrolment: Enrolment) async throws {
        while try await !self.takeStep(enrolment) { try await Task.sleep(for: .milliseconds(50)) }
        if self.identity.isFounding {
            var identity = self.identity
            identity.isFounding = false
            try self.identityFile.save(identity)
        }
    }

    /// For the rest of the node's life: joins again when it was given up while it could not be reached, and tells
    /// when an operator drains it.
    ///
    /// - Parameter onDraining: called once.
    /// - Returns: when the node has been drained and removed.
    func stay(_ enrolment: Enrolment, onDraining: @Sendable () async -> Void) async throws {
        var isDraining = false
        while true {
            let state = self.router.directory.registry[self.identity.node]?.state
            if state == .draining, !isDraining {
                isDraining = true
                self.logger.info("An operator drains this node")
                await self.beginDraining()
                await onDraining()
            }
            if state == .removed, isDraining { return }
            if state != nil { _ = try await self.takeStep(enrolment) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// - Returns: whether everything is as it should be.
    private func takeStep(_ enrolment: Enrolment) async throws -> Bool {
        let node = self.identity.node
        let directory = self.router.directory
        if self.identity.isFounding, directory.secrets == nil {
            try await self.ask(.initialise(ClusterSecrets.generate(), enrolment.registration))
        }
        guard let record = directory.registry[node] else {
            if self.identity.isFounding {
                try await self.ask(
                    .registerNode(
                        NodeRecord(
                            id: node, name: "\(enrolment.advertised)", address: enrolment.advertised,
                            clientAddress: enrolment.clientAddress, state: .joining, boot: self.identity.boot)))
            }
            return false
        }
        guard record.state != .removed else { throw NodeFailure(IdentityVerdict.removed) }
        let isTold =
            record.life.nonce == self.nonce && record.boot == self.identity.boot
            && record.clientAddress == enrolment.clientAddress && record.address == enrolment.advertised
        guard isTold, record.state != .dead else {
            try await self.ask(
                .startNode(
                    NodeStart(
                        node: node, boot: self.identity.boot, nonce: self.nonce, address: enrolment.advertised,
                        clientAddress: enrolment.clientAddress, versions: enrolment.versions)))
            return false
        }
        return (record.state == .active || record.state == .draining) && directory.secrets != nil
    }

    private func ask(_ command: Command) async throws {
        let result: CommandResult
        do throws(ServiceError) {
            result = try await self.router.perform(command)
        } catch {
            self.logger.debug("The directory does not answer yet", metadata: ["error": "\(error)"])
            return
        }
        guard case .refused(let refusal) = result else { return }
        self.logger.warning(
            "The directory refused", metadata: ["command": "\(command.kind)", "refusal": "\(refusal)"])
        switch refusal {
        case .staleBoot: throw NodeFailure(IdentityVerdict.stale)
        case .unsupportedVersion:
            throw NodeFailure(
                "this program does not support the cluster's active version; run one that does "
                    + "(roost ctl upgrade status)")
        case .notFound, .forbidden, .nameTaken, .inviteRequired, .registrationClosed, .channelArchived,
            .idempotencyKeyReused, .sessionEnded, .alreadyExists, .invalid, .quota, .userDeactivated, .aborted,
            .lastOwner, .conflict, .inviteInvalid, .editWindowOver, .tooFarBehind, .congested:
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}
