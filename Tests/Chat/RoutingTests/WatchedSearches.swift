import ChatMachine
import ChatModel
import ClusterModel
import Projections
import Replication
import Synchronization

/// What becomes of the parts of searches on one node.
final class SearchWatch: Sendable {
    private let state = Mutex(State())

    private struct State {
        var isHeld = false
        var held: [@Sendable () -> Void] = []
        var submitted = 0
        var begun: [SearchStep] = []
        var gone: Set<MessageID> = []
    }

    /// Nothing that is given to the threads of searches begins from now on.
    func hold() { self.state.withLock { $0.isHeld = true } }
    /// What was held begins.
    func release(on pool: any WorkPool) {
        let held = self.state.withLock { state in
            defer { state.held = [] }
            state.isHeld = false
            return state.held
        }
        for work in held { pool.submit(work) }
    }
    /// Parts that were given to the threads.
    var submitted: Int { self.state.withLock { $0.submitted } }
    /// Parts that have read a projection.
    var begun: [SearchStep] { self.state.withLock { $0.begun } }
    /// Messages that are found, and have changed before they are read.
    var gone: Set<MessageID> {
        get { self.state.withLock { $0.gone } }
        set { self.state.withLock { $0.gone = newValue } }
    }

    fileprivate func take(_ work: @escaping @Sendable () -> Void) -> Bool {
        self.state.withLock { state in
            state.submitted += 1
            if state.isHeld { state.held.append(work) }
            return !state.isHeld
        }
    }
    fileprivate func began(_ step: SearchStep) { self.state.withLock { $0.begun.append(step) } }
}

struct WatchedSearchPlatform: ForwardingPlatform {
    let base: DiskPlatform
    private let watch: SearchWatch

    init(_ directory: String, _ watch: SearchWatch) {
        self.base = DiskPlatform(directory: directory)
        self.watch = watch
    }

    var searchPool: any WorkPool { WatchedPool(base: self.base.searchPool, watch: self.watch) }

    func openProjection(of shard: ShardID) throws(ProjectionError) -> any ReplicaProjection {
        WatchedProjection(try self.base.openProjection(of: shard), self.watch)
    }
}

private struct WatchedPool: WorkPool {
    let base: any WorkPool
    let watch: SearchWatch

    func start() { self.base.start() }
    func submit(_ work: @escaping @Sendable () -> Void) { if self.watch.take(work) { self.base.submit(work) } }
    func shutdown() async { await self.base.shutdown() }
}

private final class WatchedProjection: ForwardingProjection {
    let base: any ReplicaProjection
    private let watch: SearchWatch

    init(_ base: any ReplicaProjection, _ watch: SearchWatch) {
        self.base = base
        self.watch = watch
    }

    func answer(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer {
        guard case .search(let search) = request else { return try self.base.answer(request) }
        self.watch.began(search.step)
        guard case .hits(let hits, let isComplete) = try self.base.answer(request) else { return .refused(.invalid) }
        let gone = self.watch.gone
        return .hits(hits.filter { !gone.contains($0.message.id) }, isComplete: isComplete)
    }
    func positions(of search: ShardSearch) throws(ProjectionError) -> (positions: [SearchPosition], isComplete: Bool) {
        self.watch.began(search.step)
        return try self.base.positions(of: search)
    }
}
