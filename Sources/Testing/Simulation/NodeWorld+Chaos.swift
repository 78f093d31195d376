import ClusterModel

// What goes wrong, and the end of it.

extension NodeWorld {
    /// Every 100 ms.
    func disturb() {
        self.network.tick()
        guard !self.isHealed else { return }
        let node = self.nodes[self.chance.number(0...self.nodes.count - 1)]
        if self.chance.perMille(self.swarm.cutPerMille) {
            if self.chance.percent(50) {
                self.network.cuts.heal()
            } else {
                self.counts.cuts += 1
                let kind = self.network.cuts.cut(&self.chance)
                self.say(node, "cut", "\(kind)")
            }
        }
        if self.chance.perMille(self.swarm.crashPerMille), node.isRunning {
            self.crash(node)
            // Together with the power of a rack, now and then.
            if self.chance.percent(15) {
                for other in self.nodes where self.chance.percent(70) { self.crash(other) }
            }
        }
        if self.chance.perMille(self.swarm.pausePerMille), node.isRunning, !node.loop.isPaused {
            self.counts.pauses += 1
            self.pause(node, for: self.chance.milliseconds(200...5_000))
        }
        if self.chance.perMille(self.swarm.stallPerMille), let platform = node.platform {
            let end = self.chance.milliseconds(100...3_000)
            self.say(node, "disk stalls", "for \(end) s")
            platform.stalledUntil = self.scheduler.now + end
        }
        if self.chance.perMille(self.swarm.clockJumpPerMille) {
            node.clockError = Int64(self.chance.number(-86_400_000...86_400_000))
            self.say(node, "clock", "off by \(node.clockError) ms")
        }
        if self.swarm.resumePerMille > 0 {
            for reader in self.readers where self.chance.perMille(self.swarm.resumePerMille) { reader.disconnect() }
        }
    }

    private func crash(_ node: SimulatedNode) {
        guard node.isRunning else { return }
        self.counts.crashes += 1
        node.crash()
        self.scheduler.schedule(after: self.chance.milliseconds(100...4_000)) {
            if !node.isRunning { node.start() }
        }
    }

    private func pause(_ node: SimulatedNode, for duration: VirtualTime) {
        self.say(node, "stops", "for \(duration) s")
        node.loop.pause()
        let boot = node.boot
        self.scheduler.schedule(after: duration) {
            if node.boot == boot { node.loop.resume() }
        }
    }

    // MARK: Healing

    static let convergenceBound = VirtualTime.seconds(30)

    func heal() {
        self.isHealed = true
        self.swarm.heal()
        self.network.cuts.heal()
        if let node = self.nodes.first { self.say(node, "heals", "everything") }
        for node in self.nodes {
            if !node.isRunning { node.start() }
            node.loop.resume()
            node.clockError = 0
            node.platform?.stalledUntil = .zero
        }
        let deadline = self.scheduler.now + Self.convergenceBound
        self.every(.milliseconds(500)) { $0.judge(deadline) }
    }

    private func judge(_ deadline: VirtualTime) {
        guard !self.isOver else { return }
        if !self.hasLookedAgain, self.requestsOpen == 0 {
            // Notices are best effort: who was taken in without hearing of it signs in again. What a socket has
            // entered must reach it without that.
            self.hasLookedAgain = true
            for reader in self.readers where reader.missedChannel() != nil { reader.disconnect() }
        }
        if let reason = self.unrest() {
            self.calmSince = nil
            self.lastReason = reason
            if self.scheduler.now > deadline {
                self.oracle.fail("not together 30 s after everything was healed: \(reason)")
            }
            return
        }
        let since = self.calmSince ?? self.scheduler.now
        self.calmSince = since
        if self.scheduler.now >= since + .seconds(1) { self.inspect() }
    }
}
