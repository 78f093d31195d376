/// The rules of a history, C1...C12. C13, availability, is measured and not judged here.
package enum Rule: String, Sendable, CaseIterable, Comparable {
    case oneContent = "C1"
    case ackedIsPresent = "C2"
    case presentWasSent = "C3"
    case keyOnce = "C4"
    case gapless = "C5"
    case realTimeOrder = "C6"
    case reads = "C7"
    case delivery = "C8"
    case authorisation = "C9"
    case webhooks = "C10"
    case replicas = "C11"
    case derived = "C12"

    package static func < (one: Rule, other: Rule) -> Bool {
        Int(one.rawValue.dropFirst()) ?? 0 < Int(other.rawValue.dropFirst()) ?? 0
    }
}

/// What is wrong, with the evidence: enough to find the lines of the history that prove it.
package enum Violation: Sendable, Hashable {
    // C1
    /// `source` shows something else at `seq` than the log has.
    case divergence(source: Source, seq: UInt64, shown: LogEntry.Content, inLog: LogEntry.Content?)
    /// A replica's log leaves out what the others have.
    case replicaLacks(node: String, seq: UInt64, missing: Int)
    /// Nothing can be judged without a full log of the channel.
    case noFinalLog
    // C2
    case lost(MessageKey, ackedAt: UInt64)
    case moved(MessageKey, ackedAt: UInt64, foundAt: UInt64)
    // C3
    case phantom(MessageKey, seq: UInt64)
    /// Every attempt was answered with "not applied", and it is there.
    case refusedButPresent(MessageKey, seq: UInt64)
    case otherText(MessageKey, seq: UInt64)
    // C4
    case keyTwice(MessageKey, seq: UInt64, again: UInt64)
    case ackedTwice(MessageKey, seq: UInt64, again: UInt64)
    // C5
    case logGap(source: Source, after: UInt64, next: UInt64)
    // C6
    /// `key` was first sent after `overtaken`, behind it in the log, had been acknowledged.
    case inversion(MessageKey, seq: UInt64, begin: Microseconds, overtaken: UInt64, ackedAt: Microseconds)
    // C7
    case staleRead(client: UInt32, node: String, begin: Microseconds, shown: UInt64, due: UInt64)
    case readFromFuture(client: UInt32, seq: UInt64, end: Microseconds, sentAt: Microseconds)
    case readGap(client: UInt32, node: String, after: UInt64, missing: UInt64)
    case sessionWentBack(client: UInt32, from: String, to: String, had: UInt64, shown: UInt64)
    case ownWriteMissing(client: UInt32, node: String, acked: UInt64, shown: UInt64)
    // C8
    case deliveryGap(client: UInt32, due: UInt64, got: UInt64)
    case deliveryRepeat(client: UInt32, due: UInt64, got: UInt64)
    case deliveryFromFuture(client: UInt32, seq: UInt64, at: Microseconds, sentAt: Microseconds)
    /// The server named a head below what the client had already been given.
    case resetBehind(client: UInt32, had: UInt64, head: UInt64)
    case deliveryIncomplete(client: UInt32, last: UInt64, head: UInt64)
    // C9
    case shownAfterRemoval(client: UInt32, seq: UInt64, removedAt: UInt64)
    case readAfterRemoval(client: UInt32, node: String, begin: Microseconds, removalAcked: Microseconds)
    case postAfterRemoval(MessageKey, begin: Microseconds, removalAcked: Microseconds)
    case entryByNonMember(MessageKey, seq: UInt64, removedAt: UInt64)
    // C10
    case hookMissed(hook: String, seq: UInt64)
    case hookUnsigned(hook: String, deliveryID: String)
    case hookIDChanged(hook: String, seq: UInt64, ids: [String])
    case hookOrder(hook: String, seq: UInt64, after: UInt64)
    // C11
    case twoLeaders(group: Int, incarnation: UInt64, term: UInt64, nodes: [String])
    case commitWentBack(group: Int, node: String, from: UInt64, to: UInt64)
    case stateHashesDiffer(group: Int, index: UInt64, nodes: [String])
    // C12
    case sidebarWrong(client: UInt32, node: String, head: UInt64, unread: UInt64, mentions: UInt64, due: UInt64)
    case membersWrong(node: String, missing: [UInt32], extra: [UInt32])
    // Of several rules
    case lively(channel: String, LivelyFault)

    /// Where something was seen.
    package enum Source: Sendable, Hashable, CustomStringConvertible {
        case replica(String)
        case read(client: UInt32, node: String)
        case delivery(client: UInt32)
        case ack(client: UInt32)

        package var description: String {
            switch self {
            case .replica(let node): "the log at \(node)"
            case .read(let client, let node): "a read of client \(client) at \(node)"
            case .delivery(let client): "a delivery to client \(client)"
            case .ack(let client): "an acknowledgement to client \(client)"
            }
        }
    }

    package var rule: Rule {
        switch self {
        case .divergence, .replicaLacks, .noFinalLog: .oneContent
        case .lost, .moved: .ackedIsPresent
        case .phantom, .refusedButPresent, .otherText: .presentWasSent
        case .keyTwice, .ackedTwice: .keyOnce
        case .logGap: .gapless
        case .inversion: .realTimeOrder
        case .staleRead, .readFromFuture, .readGap, .sessionWentBack, .ownWriteMissing: .reads
        case .deliveryGap, .deliveryRepeat, .deliveryFromFuture, .resetBehind, .deliveryIncomplete: .delivery
        case .shownAfterRemoval, .readAfterRemoval, .postAfterRemoval, .entryByNonMember: .authorisation
        case .hookMissed, .hookUnsigned, .hookIDChanged, .hookOrder: .webhooks
        case .twoLeaders, .commitWentBack, .stateHashesDiffer: .replicas
        case .sidebarWrong, .membersWrong: .derived
        case .lively(_, let fault): fault.rule
        }
    }
}
