import ChatModel
import ClusterModel

// Where a viewer's search may look.

extension ShardMachine {
    /// Channels that the viewer sees now and that may have such messages, of those asked for if any were; an index sees
    /// nothing else. Most shards have none of them: no file is touched there.
    func searchAnswer(_ shard: ShardID, _ searchRequest: SearchRequest, _ viewer: Actor) -> MachineAnswer {
        guard shard == self.shard else { return .answer(.refused(.invalid)) }
        var channels: [ShardSearch.Channel] = []
        func take(_ entry: ChannelEntry) {
            guard entry.isVisible(to: viewer),
                entry.index.mayHaveMessage(
                    by: searchRequest.author, after: searchRequest.after, before: searchRequest.before)
            else { return }
            channels.append(ShardSearch.Channel(id: entry.record.id, head: entry.record.seq))
        }
        if searchRequest.channels.isEmpty {
            for entry in self.channels.values { take(entry) }
        } else {
            for channel in Set(searchRequest.channels) { if let entry = self.channels[channel] { take(entry) } }
        }
        guard !channels.isEmpty else { return .answer(.hits([], isComplete: true)) }
        return .needsHistory(.search(ShardSearch(channels: channels, request: searchRequest)))
    }
}
