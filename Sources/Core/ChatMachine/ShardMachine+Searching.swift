import ChatModel
import ClusterModel

// Where a viewer's search may look.

extension ShardMachine {
    func searchAnswer(_ shard: ShardID, _ searchRequest: SearchRequest, _ viewer: Actor) -> MachineAnswer {
        .answer(.refused(.forbidden))
    }
}
