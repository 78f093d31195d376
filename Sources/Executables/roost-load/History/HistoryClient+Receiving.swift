import HistoryChecker
import NIOCore

// What the server says to a client of a history run.

extension HistoryClient {
    func received(_ frame: ByteBuffer, from socket: HistorySocket) {
        self.heard()
        let isUnderstood = frame.withUnsafeReadableBytes { bytes in
            let scan = FrameScan(bytes)
            if scan.starts(with: "{\"type\":\"ok\"") { return self.answered(scan, frame) }
            if scan.starts(with: "{\"type\":\"error\"") { return self.answeredWithError(scan) }
            return self.told(scan, by: socket)
        }
        // A frame that is passed over would be a hole in the history.
        if !isUnderstood { self.run.stop(because: "a frame was not understood: \(String(buffer: frame).prefix(300))") }
    }

    private func answered(_ scan: FrameScan, _ frame: ByteBuffer) -> Bool {
        guard let ref = scan.integer("\"ref\":", before: min(frame.readableBytes, 64)) else { return false }
        switch self.pending.removeValue(forKey: Int(ref)) {
        case .send(let send):
            guard let message = scan.message(from: 0) else { return false }
            self.acked(send, message)
        case .fetch(let promise, _): promise.succeed(frame)
        case nil: break  // The answer to a renewed sign-in.
        }
        return true
    }

    private func answeredWithError(_ scan: FrameScan) -> Bool {
        guard let code = scan.string("\"code\":\"") else { return false }
        guard let ref = scan.integer("\"ref\":") else {
            say("client \(self.number): an error without a ref, \(code)")
            return true
        }
        switch self.pending.removeValue(forKey: Int(ref)) {
        case .send(let send): self.refused(send, code: code)
        case .fetch(let promise, _): promise.fail(HistoryRun.Refused(code: code))
        case nil: break
        }
        return true
    }

    private func told(_ scan: FrameScan, by socket: HistorySocket) -> Bool {
        guard let type = scan.type() else { return false }
        switch type {
        case "ready":
            self.signedIn(socket)
            for entry in scan.channels() {
                guard let channel = self.run.channelNumbers[entry.id] else { continue }
                self.began(channel, after: self.last[channel] ?? entry.seq)
            }
            return true
        case "channel.joined":
            guard let channel = self.channel(scan), let seq = scan.integer("\"seq\":") else { return true }
            self.record(channel, .joined(seq: seq))
            self.last[channel] = max(seq, self.last[channel] ?? 0)
            return true
        case "channel.left":
            guard let channel = self.channel(scan) else { return true }
            self.record(channel, .left)
            return true
        case "channel.reset":
            guard let channel = self.channel(scan) else { return true }
            guard let head = scan.integer("\"seq\":") else { return false }
            self.record(channel, .reset(head: head))
            self.last[channel] = head
            return true
        case "pong", "session.revoked", "reconnect", "typing", "presence.changed", "read.updated", "thread.read",
            "notification.created":
            return true
        default: return self.takeEvent(scan)
        }
    }

    private func takeEvent(_ scan: FrameScan) -> Bool {
        guard let found = scan.event(from: 0) else { return false }
        guard let channel = self.run.channelNumbers[found.channel] else { return true }
        let entry = self.run.entry(found.event)
        self.record(channel, .event(entry))
        self.last[channel] = max(entry.seq, self.last[channel] ?? 0)
        self.run.counters.delivered += 1
        return true
    }

    private func began(_ channel: Int, after: UInt64) {
        self.record(channel, .began(after: after))
        self.last[channel] = after
    }

    private func channel(_ scan: FrameScan) -> Int? {
        scan.string("\"channel_id\":\"").flatMap { self.run.channelNumbers[$0] }
    }

    func record(_ channel: Int, _ event: Delivery.Event) {
        self.file.append(
            .delivery(at: MonotonicClock.now(), channel: channel, event, node: self.nodeName))
    }
}
