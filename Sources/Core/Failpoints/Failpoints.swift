import Synchronization

/// What is armed at which place of this process.
///
/// `hit` costs nothing in a release build without `ROOST_CHAOS`, and one relaxed load where nothing is armed. Any
/// thread. How a crash or a sleep is done, the process says once at its start (`install`), since a core calls no system.
package enum Failpoints {
    package enum Action: Hashable, Sendable {
        /// The process ends at once, as after `kill -9`; what it has not synced stays with the kernel.
        case crash
        case sleep(milliseconds: Int)
        /// A trap, as a broken precondition would be.
        case panic
    }

    /// An action, and at which of the hits from now on; at each when nil.
    package struct Trigger: Hashable, Sendable {
        package var action: Action
        package var hit: UInt64?

        package init(_ action: Action, hit: UInt64? = nil) {
            self.action = action
            self.hit = hit
        }
    }

    private struct State {
        var triggers: [Failpoint: Trigger] = [:]
        /// Since the point was armed.
        var hits: [Failpoint: UInt64] = [:]
        var perform: (@Sendable (Failpoint, Action) -> Void)?
        var isObserving = false
    }

    private static let state = Mutex(State())
    private static let isWatching = Atomic<Bool>(false)

    /// Whether this build looks at failpoints at all.
    package static var isCompiledIn: Bool {
        #if DEBUG || ROOST_CHAOS
            true
        #else
            false
        #endif
    }

    /// The code has come to `point`.
    @inline(__always)
    package static func hit(_ point: Failpoint) {
        #if DEBUG || ROOST_CHAOS
            if self.isWatching.load(ordering: .relaxed) { self.take(point) }
        #endif
    }

    private static func take(_ point: Failpoint) {
        let due: (Action, (@Sendable (Failpoint, Action) -> Void)?)? = self.state.withLock { state in
            let hits = state.hits[point, default: 0] + 1
            state.hits[point] = hits
            guard let trigger = state.triggers[point], trigger.hit == nil || trigger.hit == hits else { return nil }
            return (trigger.action, state.perform)
        }
        guard let (action, perform) = due else { return }
        if action == .panic { fatalError("failpoint \(point.rawValue)") }
        perform?(point, action)
    }

    /// Says how actions other than a panic are done. Once, at the start of the process.
    package static func install(_ perform: @escaping @Sendable (Failpoint, Action) -> Void) {
        self.state.withLock { $0.perform = perform }
    }

    /// Arms a point, counting its hits from now; nil disarms it.
    package static func arm(_ point: Failpoint, _ trigger: Trigger?) {
        self.state.withLock { state in
            state.triggers[point] = trigger
            state.hits[point] = 0
            self.isWatching.store(!state.triggers.isEmpty || state.isObserving, ordering: .relaxed)
        }
    }

    /// Counts every point's hits from now on, armed or not.
    package static func observe() {
        self.state.withLock { state in
            state.isObserving = true
            self.isWatching.store(true, ordering: .relaxed)
        }
    }

    /// How often each point was come to while anything was armed or observed.
    package static var hits: [Failpoint: UInt64] { self.state.withLock { $0.hits } }
}
