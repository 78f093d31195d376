import Foundation
import Founding
import Membership

/// `roost node init`, as the waiting node sees it: a file in its data directory, which only who may write there
/// can make. It holds the hash of the seed list that the operator means.
struct InitRequest: Sendable {
    let path: String

    init(dataDirectory: String) { self.path = dataDirectory + "/init" }

    func write(_ hash: SeedListHash) throws {
        try DurableFile.replace(self.path, with: Array("\(hash)\n".utf8))
    }

    /// What was asked for since the last look, once.
    func take() -> SeedListHash? {
        guard let data = FileManager.default.contents(atPath: self.path) else { return nil }
        unlink(self.path)
        return SeedListHash(
            String(decoding: data.prefix(64), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
