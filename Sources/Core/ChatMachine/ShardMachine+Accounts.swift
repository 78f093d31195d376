import ChatModel
import ClusterModel

// Accounts as the directory decides them: names, roles, who may sign in.

extension ShardMachine {
    /// All accounts, in the order of their ids. Nothing makes one yet.
    package var accounts: [AccountRecord] { [] }

    /// As `reserveName` for people: counts the invite's use and promises its role. Given back by `releaseName`.
    mutating func reserveAccount(
        _ name: UniqueName, _ user: UserID, _ displayName: String, _ invite: InviteID?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// An admin gives another role, deactivates or reactivates. nil: as it is.
    mutating func setStanding(
        _ user: UserID, _ role: Role?, _ isDeactivated: Bool?, _ policy: ContentPolicy?, _ actor: Actor,
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// What people see of an account in the directory; the newer version wins.
    mutating func listAccount(
        _ user: UserID, _ displayName: String, _ avatar: FileID?, _ version: UInt64, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// The directory lists (or no longer lists) a channel's name.
    mutating func setNameListed(
        _ name: UniqueName, _ owner: NameOwner, _ isListed: Bool, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    func accountAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }

    func accountsAnswer(_ prefix: String, _ after: String, _ limit: UInt32, _ includesDeactivated: Bool)
        -> MachineAnswer
    {
        .answer(.refused(.forbidden))
    }
}
