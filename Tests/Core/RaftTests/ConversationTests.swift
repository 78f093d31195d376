import ClusterModel
import Foundation
import Raft
import Testing

/// Golden conversations: a script in a file, and below each of its lines what every replica then said
/// and did. `ROOST_REWRITE_CONVERSATIONS=1 swift test --filter RaftTests` writes the files anew; read the
/// difference before you commit it.
///
///     group 3            founds a group of three voters
///     tick 2 x3          three ticks of replica 2, and everything that follows from them
///     add 4              an empty replica 4 on its node
///     propose 1 hello    a proposal at replica 1
///     read 1 7           a read with token 7
///     learner 1 4        replica 1 is asked to add a learner on node 4
///     voters 1 1,2,4     replica 1 is asked for these voters
///     transfer 1 2       replica 1 hands over to replica 2
///     gone 2 1           replica 2 hears that node 1 is unreachable
///     isolate 1 / join 1
@Suite struct `Conversations` {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Conversations")

    @Test(arguments: ["election", "replication", "joint-change", "transfer", "failover", "conflict", "reads"])
    func `go as recorded`(name: String) throws {
        let file = Self.folder.appendingPathComponent(name + ".txt")
        let recorded = try String(contentsOf: file, encoding: .utf8)
        let script = recorded.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("  ") }
        let told = Transcript.tell(script.map(String.init))
        if ProcessInfo.processInfo.environment["ROOST_REWRITE_CONVERSATIONS"] != nil {
            try told.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(told == recorded)
        }
    }
}

private final class Transcript {
    private var lines: [String] = []

    static func tell(_ script: [String]) -> String {
        let transcript = Transcript()
        var group = Group(voters: 1)
        for line in script {
            transcript.lines.append(line)
            let words = line.split(separator: " ").map(String.init)
            guard let verb = words.first, verb != "#" else { continue }
            if verb == "group" {
                group = Group(voters: UInt64(words[1]) ?? 1)
            }
            group.observe = { id, effect in transcript.note(id, effect) }
            Self.perform(verb, Array(words.dropFirst()), &group)
        }
        return transcript.lines.joined(separator: "\n")
    }

    private static func perform(_ verb: String, _ words: [String], _ group: inout Group) {
        let id = words.first.flatMap { UInt64($0) } ?? 1
        let other = words.count > 1 ? UInt64(words[1]) ?? 0 : 0
        let epoch = RingEpoch(2)
        switch verb {
        case "tick":
            let count = words.count > 1 ? Int(words[1].dropFirst()) ?? 1 : 1
            group.tick(count, only: [id])
        case "add": group.add(id)
        case "propose": group.propose(id, words.dropFirst().joined(separator: " "))
        case "read": group.step(id, .read(token: other))
        case "learner": group.step(id, .changeConfiguration(.addLearner(Group.node(other), epoch)))
        case "voters":
            let ids = words[1].split(separator: ",").compactMap { UInt64($0) }.map { ReplicaID($0) }
            group.step(id, .changeConfiguration(.replaceVoters(ids, epoch)))
        case "transfer": group.step(id, .transferLeadership(to: ReplicaID(other)))
        case "gone": group.step(id, .peerUnreachable(Group.node(other)))
        case "isolate": group.isolated.insert(ReplicaID(id))
        case "join": group.isolated.remove(ReplicaID(id))
        default: break
        }
        group.settle()
    }

    private func note(_ id: ReplicaID, _ effect: RaftEffect) {
        self.lines.append("  \(id)  " + Self.text(effect))
    }

    private static func text(_ effect: RaftEffect) -> String {
        switch effect {
        case .persist(let mark, let state, let entries):
            let vote =
                state.map { " t\($0.term) vote \($0.votedFor.map { "\($0)" } ?? "none") commit \($0.commitIndex)" }
                ?? ""
            let range = entries.first.map { " entries \($0.index)…\(entries[entries.count - 1].index)" } ?? ""
            return "persist   #\(mark)\(vote)\(range)"
        case .send(let message): return "send      \(message)"
        case .committed(let entries):
            return "committed \(entries.map { "\($0.index)/\($0.term)" }.joined(separator: " "))"
        case .accepted(let token, let index, let term): return "accepted  token \(token) at \(index)/\(term)"
        case .refused(let token, _): return "refused   token \(token)"
        case .readReady(let token, let index): return "readReady token \(token) at \(index)"
        case .readFailed(let token, let leader):
            return "readFailed token \(token), leader \(leader.map { "\($0.id)" } ?? "none")"
        case .roleChanged(let role, let term, let leader):
            return "role      \(role) t\(term), leader \(leader.map { "\($0.id)" } ?? "none")"
        case .configurationChanged(let configuration, let index, let committed):
            return "configure \(committed ? "committed" : "in force") at \(index): \(configuration)"
        case .configurationRefused(let refusal): return "refused   \(refusal)"
        case .fetch(let id, let from, _): return "fetch     for \(id) from \(from)"
        case .removedFromGroup(let index): return "removed   at \(index)"
        case .sendSnapshot(let follower): return "snapshot  to \(follower.id)"
        case .install(let mark, let point, _): return "install   #\(mark) \(point)"
        case .snapshotIgnored(let point): return "ignored   \(point)"
        case .superseded(let incarnation): return "void      by incarnation \(incarnation)"
        case .repaired: return "repaired"
        }
    }
}
