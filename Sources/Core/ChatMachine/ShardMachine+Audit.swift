import ChatModel
import ClusterModel

// The chain of what people with power did. Each entry holds the digest of the one before it, and the last digest is
// part of the state that all replicas agree on: what is taken out or changed later breaks the chain.

extension ShardMachine {
    /// How many entries one answer looks at before it gives the cursor to go on from.
    static let auditScanMax: UInt64 = 10_000

    /// What no command decides: from gateways, and from other shards.
    mutating func recordAudit(_ auditNote: AuditNote, _ effects: inout ApplyEffects) -> CommandResult {
        // An effect carries what another shard's log holds; what no answer could be read from again stays out.
        guard auditNote.isWellFormed else { return .refused(.invalid) }
        let head = self.directory.auditHead
        guard head.number < .max else { return .refused(.quota) }
        let entry = AuditEntry(number: head.number + 1, note: auditNote, after: head.digest)
        self.directory.auditHead = DirectoryState.AuditHead(number: entry.number, digest: entry.digest)
        self.record(.keep(.audit, key: ItemKey.of(entry.number), value: entry.encoded), &effects)
        self.record(.put(kind: .auditHead, key: [], value: self.directory.auditHead.encoded), &effects)
        return .done
    }

    /// What a command of the directory itself has decided, at the log's time.
    mutating func audit(
        _ action: String, _ target: String, _ details: [(String, String)] = [], by actor: UserID?,
        _ effects: inout ApplyEffects
    ) {
        let note = AuditNote(
            actor: actor, action: action, target: target,
            details: details.map { AuditDetail(name: $0.0, value: $0.1.cut(to: FormLimits.auditValueBytesMax)) },
            at: self.clock)
        let result = self.recordAudit(note, &effects)
        assert(result == .done, "\(action) was not audited: \(result)")
    }

    func auditAnswer(_ auditFilter: AuditFilter, _ before: UInt64?, _ limit: UInt32, _ actor: Actor) -> MachineAnswer {
        if let refusal = self.refusal(of: actor, below: .admin) { return .answer(.refused(refusal)) }
        // The number behind the last one that may be shown.
        let end = min(before ?? .max, self.directory.auditHead.number + 1)
        guard end > 1 else { return .answer(.audit([], before: nil)) }
        let start = end > Self.auditScanMax ? end - Self.auditScanMax : 1
        let page = ItemPage(
            kind: .audit, from: ItemKey.of(start), to: ItemKey.of(end), limit: Int(Self.auditScanMax),
            isDescending: true)
        return .needsHistory(.items(page, as: .audit(auditFilter, limit: Self.page(limit))))
    }
}

extension AuditEntry {
    /// The next link of a chain.
    package init(number: UInt64, note: AuditNote, after previous: Digest) {
        var writer = ByteWriter(reservingCapacity: 256)
        writer.writeVariable(number)
        writer.write(previous)
        writer.write(note)
        self.init(number: number, note: note, previous: previous, digest: DigestHash.digest(of: writer.bytes))
    }

    /// Whether the digest is that of the rest.
    package var isIntact: Bool { AuditEntry(number: self.number, note: self.note, after: self.previous) == self }
}

extension String {
    /// At most `bytes` of UTF-8, cut between characters.
    func cut(to bytes: Int) -> String {
        guard self.utf8.count > bytes else { return self }
        var end = self.utf8.index(self.utf8.startIndex, offsetBy: bytes)
        // A continuation byte is no place to end.
        while end > self.utf8.startIndex, self.utf8[end] & 0xC0 == 0x80 { end = self.utf8.index(before: end) }
        return String(self[..<end])
    }
}
