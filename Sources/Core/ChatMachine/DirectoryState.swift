import ChatModel
import ClusterModel
import HashTreeCollections

/// What the directory keeps beside nodes, names and revocations: accounts, invites, settings, emoji, open flags.
struct DirectoryState: Sendable, Equatable {
    /// Persistent trees: a node's table of accounts shares them, so a change costs a path and no copy.
    private(set) var accounts: TreeDictionary<UserID, AccountRecord> = [:]
    /// By the bytes of the user name.
    private(set) var usernames: TreeDictionary<[UInt8], UserID> = [:]
    /// The version of an account's names where its owner has changed them.
    private(set) var listings: [UserID: UInt64] = [:]
    /// Accounts that may administrate now.
    private(set) var activeAdministrators = 0
    private(set) var finder = AccountFinder()
    var reservations: [UserID: Reservation] = [:]
    var invites: [InviteID: InviteRecord] = [:]
    /// nil until an administrator has changed something.
    var workspace: WorkspaceState?
    /// Sorted by the bytes of their names.
    var emoji: [EmojiRecord] = []
    var auditHead = AuditHead()
    /// Open ones, sorted by id.
    var flags: [FlagRecord] = []

    /// What a sign-up that is not finished has been promised.
    struct Reservation: Sendable, Equatable {
        let displayName: String
        /// Whose use is counted already.
        let invite: InviteID?
    }

    struct WorkspaceState: Sendable, Equatable {
        var settings: WorkspaceSettings
        /// The log index of the last change.
        var version: UInt64
    }

    /// The last link of the audit log's chain.
    struct AuditHead: Sendable, Equatable {
        var number: UInt64 = 0
        var digest = Digest.zero
    }

    mutating func set(_ account: AccountRecord, listing: UInt64?) {
        if let old = self.accounts.updateValue(account, forKey: account.id) {
            if old.isActiveAdministrator { self.activeAdministrators -= 1 }
            if !old.displayName.utf8.elementsEqual(account.displayName.utf8) {
                self.finder.remove(old)
                self.finder.insert(account)
            }
        } else {
            self.usernames[Array(account.username.utf8)] = account.id
            self.finder.insert(account)
        }
        if account.isActiveAdministrator { self.activeAdministrators += 1 }
        if let listing { self.listings[account.id] = listing }
    }
}

extension AccountRecord {
    var isActiveAdministrator: Bool { self.role == .admin && self.deactivatedAt == nil }

    func encoded(listing: UInt64) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 128)
        writer.write(self)
        writer.writeVariable(listing)
        return writer.bytes
    }
}

extension DirectoryState.Reservation: Wire {
    func encode(into writer: inout ByteWriter) {
        writer.write(self.displayName)
        writer.write(self.invite)
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(displayName: try reader.read(), invite: try reader.readOptional())
    }
}

extension DirectoryState.WorkspaceState: Wire {
    func encode(into writer: inout ByteWriter) {
        writer.write(self.settings)
        writer.writeVariable(self.version)
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(settings: try reader.read(), version: try reader.readVariable())
    }
}

extension DirectoryState.AuditHead: Wire {
    func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.number)
        writer.write(self.digest)
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(number: try reader.readVariable(), digest: try reader.read())
    }
}

extension ShardMachine {
    /// What follows from all records of the directory together, once they have been restored. Twice is as once.
    mutating func finishDirectory() {
        // The settings hold what the founder chose until somebody changed it, and the record of settings is older.
        if let workspace = self.directory.workspace { self.registration = workspace.settings.registration }
    }

    /// - Returns: false for a key that does not fit its kind.
    mutating func restoreDirectory(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        switch kind {
        case .account:
            var reader = ByteReader(value)
            let account: AccountRecord = try reader.read()
            let listing = try reader.readVariable()
            guard reader.isAtEnd, key == RecordKey.of(account.id) else { return false }
            self.directory.set(account, listing: listing > 0 ? listing : nil)
        case .invite:
            let invite = try InviteRecord(encoded: value)
            self.directory.invites[invite.id] = invite
        case .reservation:
            guard let user: UserID = RecordKey.id(key) else { return false }
            self.directory.reservations[user] = try DirectoryState.Reservation(encoded: value)
        case .workspace: self.directory.workspace = try DirectoryState.WorkspaceState(encoded: value)
        case .emoji: return self.directory.restore(try EmojiRecord(encoded: value))
        case .auditHead: self.directory.auditHead = try DirectoryState.AuditHead(encoded: value)
        case .flag:
            let flag = try FlagRecord(encoded: value)
            let (place, isPresent) = self.directory.flags.place(of: flag.id, by: \.id)
            guard !isPresent else { return false }
            self.directory.flags.insert(flag, at: place)
        default: return false
        }
        return true
    }
}
