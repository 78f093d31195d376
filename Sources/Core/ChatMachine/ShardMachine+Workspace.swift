import ChatModel
import ClusterModel
import Placement

// What administrators set for all.

extension ShardMachine {
    /// What administrators have set, and what the founder chose where they have not.
    package var workspace: WorkspaceSettings {
        var settings = self.directory.workspace?.settings ?? .initial
        settings.registration = self.registration
        return settings
    }

    mutating func updateWorkspace(_ workspacePatch: WorkspacePatch, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        if let refusal = self.refusal(of: actor, below: .admin) { return .refused(refusal) }
        let old = self.workspace
        let new = old.applying(workspacePatch)
        // By bytes: what counts as the same text may differ between builds.
        guard new.encoded != old.encoded else { return .workspace(old) }
        guard !self.isCongested else { return .refused(.congested) }
        let state = DirectoryState.WorkspaceState(settings: new, version: self.lastApplied.rawValue)
        self.directory.workspace = state
        self.registration = new.registration
        self.record(.put(kind: .workspace, key: [], value: state.encoded), &effects)
        effects.directoryChanged = true
        effects.accountsChanged = true
        self.audit("workspace.update", "workspace", old.differences(from: new), by: actor.user, &effects)
        self.tellShards(of: state, unless: old, &effects)
        return .workspace(new)
    }

    func workspaceAnswer() -> MachineAnswer { .answer(.workspace(self.workspace)) }

    /// The shards decide about messages by a copy of some of it.
    private mutating func tellShards(
        of state: DirectoryState.WorkspaceState, unless old: WorkspaceSettings, _ effects: inout ApplyEffects
    ) {
        let new = WorkspaceCopy(state.settings, version: state.version)
        guard new != WorkspaceCopy(old, version: state.version) else { return }
        for shard in self.map.shards { self.send(.workspaceChanged(new), to: .shard(shard), &effects) }
    }
}

extension WorkspaceCopy {
    fileprivate init(_ settings: WorkspaceSettings, version: UInt64) {
        self.init(
            retentionDays: settings.retentionDays, broadcastRight: settings.broadcastRight,
            editWindowSeconds: settings.editWindowSeconds, version: version)
    }
}

extension WorkspaceSettings {
    fileprivate func applying(_ patch: WorkspacePatch) -> WorkspaceSettings {
        WorkspaceSettings(
            name: patch.name ?? self.name, registration: patch.registration ?? self.registration,
            allowedOrigins: patch.allowedOrigins ?? self.allowedOrigins,
            retentionDays: patch.retentionDays.value(instead: self.retentionDays),
            contentPolicy: patch.contentPolicy ?? self.contentPolicy,
            broadcastRight: patch.broadcastRight ?? self.broadcastRight,
            editWindowSeconds: patch.editWindowSeconds.value(instead: self.editWindowSeconds),
            publicURL: patch.publicURL.value(instead: self.publicURL))
    }

    /// Each field that differs, as it was and as it is, by the names that clients know.
    fileprivate func differences(from new: WorkspaceSettings) -> [(String, String)] {
        func text(_ number: UInt32?) -> String { number.map { "\($0)" } ?? "none" }
        let fields: [(String, String, String)] = [
            ("name", self.name, new.name),
            ("registration", self.registration.name, new.registration.name),
            (
                "allowed_origins", self.allowedOrigins.joined(separator: " "),
                new.allowedOrigins.joined(separator: " ")
            ),
            ("retention_days", text(self.retentionDays), text(new.retentionDays)),
            ("content_policy", self.contentPolicy.name, new.contentPolicy.name),
            ("mention_right", self.broadcastRight.name, new.broadcastRight.name),
            ("edit_window_seconds", text(self.editWindowSeconds), text(new.editWindowSeconds)),
            ("public_url", self.publicURL ?? "none", new.publicURL ?? "none"),
        ]
        return fields.filter { !$0.1.utf8.elementsEqual($0.2.utf8) }
            .flatMap { [("\($0.0).from", $0.1), ("\($0.0).to", $0.2)] }
    }
}

extension Change {
    fileprivate func value(instead old: Value?) -> Value? {
        switch self {
        case .keep: old
        case .set(let value): value
        case .clear: nil
        }
    }
}
