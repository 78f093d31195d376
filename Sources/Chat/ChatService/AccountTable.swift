import ChatModel
import ClusterModel

/// The accounts as this node's copy of the directory knows them: the authority on roles and on who may be here.
///
/// A value: whoever holds it sees one state. Made anew only when an account has changed.
package struct AccountTable: Sendable {
    private let byID: [UserID: AccountRecord]
    private let byName: [String: UserID]

    package static let empty = AccountTable([])

    /// - Parameter accounts: of different people; of two with one id the later one counts.
    package init(_ accounts: [AccountRecord]) {
        var byID: [UserID: AccountRecord] = [:]
        var byName: [String: UserID] = [:]
        byID.reserveCapacity(accounts.count)
        byName.reserveCapacity(accounts.count)
        for account in accounts {
            byID[account.id] = account
            byName[account.username] = account.id
        }
        self.byID = byID
        self.byName = byName
    }

    package var count: Int { self.byID.count }

    /// nil for who is not known here: perhaps not yet.
    package subscript(user: UserID) -> AccountRecord? { self.byID[user] }

    /// - Parameter username: as it was registered; names are told apart byte by byte.
    package func account(named username: String) -> AccountRecord? { self.byName[username].flatMap { self.byID[$0] } }
}
