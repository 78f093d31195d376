import ClusterModel
import Founding
import Logging

/// How a founding node looks at its seeds.
package protocol SeedProber: Sendable {
    /// Dials, exchanges hellos, hangs up. Never takes longer than a few seconds.
    ///
    /// - Returns: nil when nobody answered.
    func probe(_ address: PeerAddress) async -> FoundingAnswer?
}

/// What an empty data directory is to become.
package enum FoundingDecision: Sendable, Hashable {
    case found
    case join(ClusterID, via: PeerAddress)
}

/// Why an empty node gives up instead of waiting.
package struct FoundingStopped: Error, CustomStringConvertible {
    package let reason: StopReason
    package var description: String {
        switch self.reason {
        case .twoClusters(let first, let second):
            "the seeds belong to two clusters, \(first) and \(second): correct --seeds"
        case .differentSeedLists(let addresses):
            "these seeds were started with another --seeds list: "
                + addresses.map(\.description).joined(separator: ", ")
        }
    }
}

/// The shell round `FoundingMachine`: dials where it says, tells it what came back, until it decides.
package actor Founder {
    private var machine: FoundingMachine
    private let prober: any SeedProber
    private let logger: Logger
    private let started = ContinuousClock.now

    package init(machine: FoundingMachine, prober: any SeedProber, logger: Logger) {
        self.machine = machine
        self.prober = prober
        self.logger = logger
    }

    /// What a waiting node says on `/ready`.
    package var waitingReason: WaitingReason { self.machine.waitingReason }

    /// Runs until the node may found or has a cluster to join. Ends early only when its task is cancelled.
    package func decide() async throws -> FoundingDecision {
        while true {
            let elapsed = ContinuousClock.now - self.started
            let milliseconds = UInt64(elapsed / .milliseconds(1))
            if let decision = try self.obey(self.machine.step(.tick(nowMilliseconds: milliseconds))) { return decision }
            if let decision = self.decision { return decision }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// An operator founds by hand, where a seed is gone for good, and repeats the hash of the seed list.
    package func initialise(confirming hash: SeedListHash) {
        self.obeyLater(self.machine.step(.initialise(confirming: hash)))
    }

    /// The cluster that was to be joined did not let this node in: look again.
    package func joinFailed() {
        self.decision = nil
        _ = self.machine.step(.joinFailed)
    }

    private var decision: FoundingDecision?
    private var stopped: StopReason?

    private func obey(_ effects: [FoundingEffect]) throws -> FoundingDecision? {
        if let reason = self.stopped { throw FoundingStopped(reason: reason) }
        for effect in effects {
            switch effect {
            case .dial(let address, let question):
                let prober = self.prober
                // Owned by the machine's own time-out: a late answer is told from its question's number.
                Task { await self.answered(address, question, await prober.probe(address)) }
            case .found:
                return .found
            case .join(let cluster, let address):
                return .join(cluster, via: address)
            case .waiting(let reason):
                self.logger.info(
                    "Waiting for seeds",
                    metadata: [
                        "seeds.silent": "\(reason.silent)", "seeds.differing": "\(reason.differing)",
                        "founds": "\(reason.mayFound)", "seeds.hash": "\(self.machine.seeds.hash)",
                    ])
            case .stop(let reason):
                throw FoundingStopped(reason: reason)
            case .refused(let refusal):
                self.logger.warning("Founding by hand refused", metadata: ["reason": "\(refusal)"])
            }
        }
        return nil
    }

    private func answered(_ address: PeerAddress, _ question: FoundingQuestion, _ answer: FoundingAnswer?) {
        let input: FoundingInput =
            if let answer { .answered(address, question: question, answer) } else { .unreachable(address) }
        self.obeyLater(self.machine.step(input))
    }

    /// What comes of it is met by `decide`, which is under way.
    private func obeyLater(_ effects: [FoundingEffect]) {
        do {
            if let decision = try self.obey(effects) { self.decision = decision }
        } catch let error as FoundingStopped {
            self.stopped = error.reason
        } catch {
            preconditionFailure("only a stop is thrown: \(error)")
        }
    }
}
