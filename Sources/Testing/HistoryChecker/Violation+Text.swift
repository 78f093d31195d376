// Violations as sentences for people.

extension Violation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .divergence(let source, let seq, let shown, let inLog):
            "\(source) shows \(shown) at seq \(seq), where the log has \(inLog?.description ?? "nothing")"
        case .replicaLacks(let node, let seq, let missing):
            "the log at \(node) lacks \(missing) messages, the first at seq \(seq)"
        case .noFinalLog: "no full log of the channel was read after the run"
        case .lost(let key, let seq): "\(key) was acknowledged at seq \(seq) and is not in the log"
        case .moved(let key, let acked, let found): "\(key) was acknowledged at seq \(acked) and stands at \(found)"
        case .phantom(let key, let seq): "\(key) at seq \(seq) was never sent"
        case .refusedButPresent(let key, let seq): "\(key) was refused as not applied and stands at seq \(seq)"
        case .otherText(let key, let seq): "\(key) at seq \(seq) has another text than was sent"
        case .keyTwice(let key, let seq, let again): "\(key) stands at seq \(seq) and at \(again)"
        case .ackedTwice(let key, let seq, let again): "\(key) was acknowledged at seq \(seq) and at \(again)"
        case .logGap(let source, let after, let next): "\(source) goes from seq \(after) to \(next)"
        case .inversion(let key, let seq, let begin, let overtaken, let acked):
            "\(key) at seq \(seq) was first sent at \(begin) us, after seq \(overtaken) was acknowledged at \(acked) us"
        case .staleRead(let client, let node, let begin, let shown, let due):
            "client \(client)'s read at \(node) from \(begin) us ends at seq \(shown); \(due) was known before"
        case .readFromFuture(let client, let seq, let end, let sent):
            "client \(client)'s read ended at \(end) us and shows seq \(seq), first sent at \(sent) us"
        case .readGap(let client, let node, let after, let missing):
            "client \(client)'s read at \(node) leaves out seq \(missing) behind \(after)"
        case .sessionWentBack(let client, let from, let to, let had, let shown):
            "client \(client) read up to seq \(had) at \(from) and then only \(shown) at \(to)"
        case .ownWriteMissing(let client, let node, let acked, let shown):
            "client \(client)'s read at \(node) ends at seq \(shown), before its own acknowledged \(acked)"
        case .deliveryGap(let client, let due, let got):
            "client \(client) was given seq \(got) where \(due) was due"
        case .deliveryRepeat(let client, let due, let got):
            "client \(client) was given seq \(got) again where \(due) was due"
        case .deliveryFromFuture(let client, let seq, let at, let sent):
            "client \(client) was given seq \(seq) at \(at) us, first sent at \(sent) us"
        case .resetBehind(let client, let had, let head):
            "client \(client) had seq \(had) when it was told that the head is \(head)"
        case .deliveryIncomplete(let client, let last, let head):
            "client \(client) stayed connected and got seq \(last) as its last of \(head)"
        case .shownAfterRemoval(let client, let seq, let removed):
            "client \(client) was shown seq \(seq) after its removal at \(removed)"
        case .readAfterRemoval(let client, let node, let begin, let acked):
            "client \(client) read at \(node) at \(begin) us; its removal was acknowledged at \(acked) us"
        case .postAfterRemoval(let key, let begin, let acked):
            "\(key) was taken though sent at \(begin) us, after its author's removal acknowledged at \(acked) us"
        case .entryByNonMember(let key, let seq, let removed):
            "\(key) stands at seq \(seq), its author was removed at \(removed)"
        case .hookMissed(let hook, let seq): "hook \(hook) never heard of seq \(seq)"
        case .hookUnsigned(let hook, let id): "delivery \(id) to hook \(hook) has no valid signature"
        case .hookIDChanged(let hook, let seq, let ids): "seq \(seq) reached hook \(hook) under the ids \(ids)"
        case .hookOrder(let hook, let seq, let after): "hook \(hook) first heard of seq \(seq) after \(after)"
        case .twoLeaders(let group, let incarnation, let term, let nodes):
            "group \(group).\(incarnation) had the leaders \(nodes) in term \(term)"
        case .commitWentBack(let group, let node, let from, let to):
            "\(node) committed group \(group) up to \(from) and then only \(to)"
        case .stateHashesDiffer(let group, let index, let nodes):
            "group \(group) has different states at index \(index) on \(nodes)"
        case .sidebarWrong(let client, let node, let head, let unread, let mentions, let due):
            "client \(client)'s sidebar at \(node) says head \(head), unread \(unread), mentions \(mentions); "
                + "the head is \(due), and nobody is named"
        case .membersWrong(let node, let missing, let extra):
            "the members at \(node) lack the clients \(missing) and have \(extra) too many"
        case .lively(let channel, let fault): "lively channel \(channel): \(fault)"
        }
    }
}

extension LogEntry.Content: CustomStringConvertible {
    package var description: String {
        switch self {
        case .message(let key, let digest): "message \(key) #\(String(digest.rawValue, radix: 16))"
        case .joined(let client): "member \(client) joined"
        case .left(let client): "member \(client) left"
        case .other(let digest): "event #\(String(digest.rawValue, radix: 16))"
        }
    }
}
