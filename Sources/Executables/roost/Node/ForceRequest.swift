import ClusterModel
import Foundation
import Membership
import Placement

/// `roost node force-quorum`, as the running node sees it: a file in its data directory, which only who may write
/// there can make, and a file with the answer.
struct ForceRequest: Sendable {
    /// What an operator asks of one node.
    enum Order: Sendable, Equatable {
        /// Make this node's replicas the only voters of these groups, in a new incarnation.
        case forceQuorum(Shards)
        /// Let sole voters serve whose disk has lost acknowledged entries.
        case acceptLoss(Shards)
    }

    enum Shards: Sendable, Equatable {
        case all
        case some([ShardID])

        /// `all`, or numbers and ranges: `0,3,17-20`.
        init?(_ text: String) {
            if text == "all" {
                self = .all
                return
            }
            var shards: [ShardID] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
                guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                    first <= last
                else { return nil }
                shards += (first...last).map { ShardID($0) }
            }
            self = .some(shards)
        }

        var text: String {
            switch self {
            case .all: "all"
            case .some(let shards): shards.map(\.description).joined(separator: ",")
            }
        }

        func members(of map: ShardMap) -> [ShardID] {
            switch self {
            case .all: map.shardsAndDirectory
            case .some(let shards): shards.filter(map.contains)
            }
        }
    }

    let path: String
    var answerPath: String { self.path + ".answer" }

    init(dataDirectory: String) { self.path = dataDirectory + "/order" }

    func write(_ order: Order) throws {
        let text =
            switch order {
            case .forceQuorum(let shards): "force-quorum \(shards.text)"
            case .acceptLoss(let shards): "accept-loss \(shards.text)"
            }
        unlink(self.answerPath)
        try DurableFile.replace(self.path, with: Array(text.utf8))
    }

    /// What was asked for since the last look, once. A file that says nothing known is dropped.
    func take() -> Order? {
        guard let data = FileManager.default.contents(atPath: self.path) else { return nil }
        unlink(self.path)
        let words = String(decoding: data.prefix(65_536), as: UTF8.self).split(separator: " ")
        guard words.count == 2, let shards = Shards(String(words[1])) else { return nil }
        switch words[0] {
        case "force-quorum": return .forceQuorum(shards)
        case "accept-loss": return .acceptLoss(shards)
        default: return nil
        }
    }

    func answer(_ text: String) throws { try DurableFile.replace(self.answerPath, with: Array(text.utf8)) }

    /// The answer to the last order, once.
    func takeAnswer() -> String? {
        guard let data = FileManager.default.contents(atPath: self.answerPath) else { return nil }
        unlink(self.answerPath)
        return String(decoding: data, as: UTF8.self)
    }
}
