import ChatModel
import ClusterModel
import HashTreeCollections

/// The accounts as this node's copy of the directory knows them: the authority on roles and on who may be here.
///
/// A value: whoever holds it sees one state. It shares the directory's own trees, so taking it costs nothing.
package struct AccountTable: Sendable {
    private let byID: TreeDictionary<UserID, AccountRecord>
    private let byName: TreeDictionary<[UInt8], UserID>

    /// Rises with the log of the directory: tables of one version hold the same accounts.
    package let version: UInt64

    package static let empty = AccountTable([:], usernames: [:], version: 0)

    /// - Parameters:
    ///   - usernames: whose account has a name, by the name's bytes.
    ///   - version: the place in the directory's log.
    package init(
        _ accounts: TreeDictionary<UserID, AccountRecord>, usernames: TreeDictionary<[UInt8], UserID>, version: UInt64
    ) {
        self.byID = accounts
        self.byName = usernames
        self.version = version
    }

    package var count: Int { self.byID.count }

    /// nil for who is not known here: perhaps not yet.
    package subscript(user: UserID) -> AccountRecord? { self.byID[user] }

    /// - Parameter username: as it was registered; names are told apart byte by byte.
    package func account(named username: String) -> AccountRecord? {
        self.byName[Array(username.utf8)].flatMap { self.byID[$0] }
    }
}
