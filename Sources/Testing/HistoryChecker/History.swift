/// Everything known of one channel over a run.
package struct ChannelHistory: Sendable {
    package let id: String
    package let shard: Int
    package let isPrivate: Bool
    package var appends: [Append] = []
    package var reads: [Read] = []
    /// Each client's are in the order of arrival; between clients no order is needed.
    package var deliveries: [Delivery] = []
    package var changes: [MembershipChange] = []
    package var finals: [FinalLog] = []
    package var sidebars: [SidebarRow] = []
    package var memberLists: [MemberList] = []
    package var hooks: [HookInterest] = []
    package var hookDeliveries: [HookDelivery] = []

    package init(id: String, shard: Int = 0, isPrivate: Bool = false) {
        self.id = id
        self.shard = shard
        self.isPrivate = isPrivate
    }
}

/// A run: what its clients recorded, what was done to the nodes, and what the nodes said of themselves.
package struct History: Sendable {
    package var channels: [ChannelHistory] = []
    package var lively: [LivelyChannel] = []
    package var faults: [Fault] = []
    package var nodeEvents: [NodeEvent] = []

    package init(channels: [ChannelHistory] = [], lively: [LivelyChannel] = [], faults: [Fault] = []) {
        self.channels = channels
        self.lively = lively
        self.faults = faults
    }
}

/// Something that was done to the cluster.
package struct Fault: Sendable, Hashable {
    package let name: String
    package let target: String
    package let begin: Microseconds
    /// Nil for one that nothing ended.
    package let end: Microseconds?
    package let detail: String

    package init(name: String, target: String, begin: Microseconds, end: Microseconds?, detail: String = "") {
        self.name = name
        self.target = target
        self.begin = begin
        self.end = end
        self.detail = detail
    }
}

/// What nodes say of their groups (rule C11).
package enum NodeEvent: Sendable, Hashable {
    case leader(group: Int, incarnation: UInt64, term: UInt64, node: String)
    /// In the order in which one process of the node said it; `boot` tells its processes apart.
    case committed(group: Int, incarnation: UInt64, node: String, boot: UInt64, index: UInt64)
    case stateHash(group: Int, incarnation: UInt64, node: String, index: UInt64, hash: UInt64)
}

/// A channel in someone's sidebar, asked for when everything was idle (rule C12).
package struct SidebarRow: Sendable, Hashable {
    package let client: UInt32
    package let node: String
    package let head: UInt64
    package let readSeq: UInt64
    package let unread: UInt64
    package let mentions: UInt64

    package init(
        client: UInt32, node: String, head: UInt64, readSeq: UInt64, unread: UInt64, mentions: UInt64 = 0
    ) {
        self.client = client
        self.node = node
        self.head = head
        self.readSeq = readSeq
        self.unread = unread
        self.mentions = mentions
    }
}

/// The members that a node listed when everything was idle (rule C12). Clients of the run only.
package struct MemberList: Sendable, Hashable {
    package let node: String
    package let clients: Set<UInt32>

    package init(node: String, clients: Set<UInt32>) {
        self.node = node
        self.clients = clients
    }
}

/// An outgoing webhook that must hear every message of the channel above `afterSeq` (rule C10).
package struct HookInterest: Sendable, Hashable {
    package let hook: String
    package let afterSeq: UInt64

    package init(hook: String, afterSeq: UInt64) {
        self.hook = hook
        self.afterSeq = afterSeq
    }
}

/// One arrival at a webhook's receiver, in the order of arrival.
package struct HookDelivery: Sendable, Hashable {
    package let hook: String
    package let deliveryID: String
    package let seq: UInt64
    package let key: MessageKey
    package let hasValidSignature: Bool

    package init(hook: String, deliveryID: String, seq: UInt64, key: MessageKey, hasValidSignature: Bool) {
        self.hook = hook
        self.deliveryID = deliveryID
        self.seq = seq
        self.key = key
        self.hasValidSignature = hasValidSignature
    }
}
