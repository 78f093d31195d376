import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication
import Routing
import Telemetry
import WriteAheadLog

// What `/metrics` tells of a member's log, replicas and disk.

extension Member {
    /// Once, when the parts are there.
    func registerMetrics() {
        let metrics = Metrics.shared
        let host = self.host
        let router = self.router
        var gauges: [@Sendable (ReplicationHost) -> Metrics.Reading] = []
        func onLoop(_ name: String, _ help: String, _ read: @escaping @Sendable (ReplicationHost) -> Double) {
            gauges.append { Metrics.Reading(name, help, read($0)) }
        }
        onLoop("roost_raft_replicas", "Shard replicas on this node.") { Double($0.replicaCount) }
        onLoop("roost_raft_leaders", "Shards that this node leads.") { Double($0.leaderCount) }
        onLoop("roost_raft_shards_without_leader", "Replicas here that know no leader.") {
            Double($0.shardsWithoutLeader)
        }
        onLoop("roost_raft_entries_applied_total", "Log entries applied since the start.") {
            Double($0.statistics.entriesApplied)
        }
        onLoop("roost_raft_commands_applied_total", "Commands applied since the start; an entry may hold several.") {
            Double($0.statistics.commandsApplied)
        }
        onLoop("roost_raft_elections_won_total", "Elections won since the start.") {
            Double($0.statistics.electionsWon)
        }
        onLoop("roost_raft_learners_added_total", "Replicas that leaders here have begun to make.") {
            Double($0.reconcilingStatistics.learnersAdded)
        }
        onLoop("roost_raft_voters_replaced_total", "Changes of voters that leaders here have begun.") {
            Double($0.reconcilingStatistics.votersReplaced)
        }
        onLoop("roost_raft_leaderships_given_total", "Leaderships given to preferred or staying nodes.") {
            Double($0.reconcilingStatistics.leadershipsGiven)
        }
        onLoop("roost_projection_backlog_rows", "Rows on their way to SQLite.") { Double($0.projectionBacklogRows) }
        onLoop("roost_search_lag_rows", "Messages that the index of texts has yet to look at.") {
            Double($0.indexLagRows)
        }
        onLoop("roost_search_lag_seconds", "How long the index of some shard here has not had everything.") {
            $0.indexLagSeconds
        }
        onLoop("roost_search_deferring", "1 while the index of texts leaves processors that are short to messages.") {
            $0.isIndexDeferred ? 1 : 0
        }
        onLoop("roost_log_syncs_total", "Group commits of the write-ahead log.") {
            Double($0.logStatistics?.syncs ?? 0)
        }
        onLoop("roost_log_written_bytes_total", "Bytes written to the log.") { Double($0.logStatistics?.bytes ?? 0) }
        onLoop("roost_log_queued_bytes", "Bytes submitted and not yet durable.") {
            Double($0.logStatistics?.queuedBytes ?? 0)
        }
        for disk in NodeCondition.Disk.allCases {
            metrics.reading(
                "roost_disk_state", "1 for the state that the log's disk is in.", labels: ["state": disk.rawValue]
            ) { router.readiness.condition.disk == disk ? 1 : 0 }
        }
        onLoop("roost_disk_setbacks_total", "Times that leaderships were given away because of the disk.") {
            Double($0.statistics.diskSetbacks)
        }
        onLoop("roost_snapshots_sending", "Copies of shards on their way from here.") {
            Double($0.condition.snapshotsSending)
        }
        onLoop("roost_snapshots_receiving", "Copies of shards on their way to here.") {
            Double($0.condition.snapshotsReceiving)
        }
        onLoop("roost_snapshots_made_total", "Copies of shards made to be sent.") {
            Double($0.statistics.snapshotsMade)
        }
        onLoop("roost_snapshots_sent_total", "Copies of shards that were sent whole.") {
            Double($0.statistics.snapshotsSent)
        }
        onLoop("roost_snapshot_sent_bytes_total", "Bytes of copies of shards that were sent.") {
            Double($0.statistics.snapshotBytesSent)
        }
        onLoop("roost_snapshots_installed_total", "Copies of shards that took a projection's place here.") {
            Double($0.statistics.snapshotsInstalled)
        }
        onLoop("roost_snapshot_received_bytes_total", "Bytes of copies of shards that arrived.") {
            Double($0.statistics.snapshotBytesReceived)
        }
        onLoop("roost_shards_refused", "Shards not served with what this disk has of them; an operator decides.") {
            Double($0.condition.shardsRefused.count)
        }
        onLoop("roost_shards_damaged", "Replicas whose log has lost entries that are not given back yet.") {
            Double($0.condition.shardsDamaged)
        }
        onLoop("roost_shards_behind", "Replicas that wait for a copy of their shard's state.") {
            Double($0.condition.shardsBehind)
        }
        onLoop("roost_reads_vouched_total", "Reads of other nodes that needed no round of heartbeats here.") {
            Double($0.statistics.readsVouched)
        }
        onLoop("roost_replicas_repaired_total", "Damaged replicas that were made whole again.") {
            Double($0.statistics.replicasRepaired)
        }
        onLoop("roost_projections_rebuilt_total", "Damaged projections that were deleted and built anew.") {
            Double($0.statistics.projectionsRebuilt)
        }
        metrics.readings(of: "replication") { [gauges] in
            // None once the loop has ended.
            (try? await host.loop.submit { gauges.map { $0(host) } }.get()) ?? []
        }
        metrics.reading("roost_ready", "1 when the node serves.") { router.readiness.isReady ? 1 : 0 }
        metrics.reading("roost_ring_epoch", "The registry epoch that this node has.") {
            Double(router.directory.registry.epoch.rawValue)
        }
    }
}
