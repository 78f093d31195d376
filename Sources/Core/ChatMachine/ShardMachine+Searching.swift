import ChatModel
import ClusterModel

// Where a viewer's search may look.

extension ShardMachine {
    /// Channels that the viewer sees now, of those asked for if any were; an index sees nothing else.
    func searchAnswer(_ shard: ShardID, _ searchRequest: SearchRequest, _ viewer: Actor) -> MachineAnswer {
        guard shard == self.shard else { return .answer(.refused(.invalid)) }
        let asked = Set(searchRequest.channels)
        let channels = self.channels.values.compactMap { entry -> ShardSearch.Channel? in
            guard entry.record.seq > 0, asked.isEmpty || asked.contains(entry.record.id), entry.isVisible(to: viewer)
            else { return nil }
            return ShardSearch.Channel(id: entry.record.id, head: entry.record.seq)
        }
        guard !channels.isEmpty else { return .answer(.hits([], isComplete: true)) }
        return .needsHistory(.search(ShardSearch(channels: channels, request: searchRequest)))
    }
}
