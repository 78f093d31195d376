/// The timings and bounds of gossip. All members of a cluster should use the same.
package struct SWIMSettings: Sendable, Hashable {
    /// One member is probed per period; an ill node stretches it by its health multiplier.
    package var probeIntervalMilliseconds: UInt64 = 500
    /// Without an answer for so long, others are asked to probe.
    package var probeTimeoutMilliseconds: UInt64 = 200
    package var indirectProbes = 3
    /// A suspect has so long to object if as many as `confirmationsMax` others accuse it too …
    package var suspicionMinMilliseconds: UInt64 = 3_000
    /// … and so long if nobody else does.
    package var suspicionMaxMilliseconds: UInt64 = 9_000
    package var confirmationsMax = 3
    /// How slow a node may think itself to be.
    package var healthMultiplierMax = 8
    /// Ticks further apart mean that this node itself stood still.
    package var stallMilliseconds: UInt64 = 1_500
    /// A tick moves all timeouts on by at most so much, however late it comes.
    package var tickAdvanceMaxMilliseconds: UInt64 = 200
    /// News that did not find a probe to ride on leave in messages of their own.
    package var gossipIntervalMilliseconds: UInt64 = 200
    package var gossipFanout = 3
    /// A rumour is sent so many times per decimal digit of the number of members.
    package var retransmitFactor = 4
    /// For one message's rumours together.
    package var rumourBytesMax = 1_000
    /// Whole tables are compared with one member so often, whatever rumours did.
    package var syncIntervalMilliseconds: UInt64 = 10_000
    /// A dead member is asked so often whether it is back: after a partition nobody else would ask.
    package var reconnectIntervalMilliseconds: UInt64 = 5_000
    package var tombstoneMilliseconds: UInt64 = 24 * 60 * 60 * 1_000
    /// Probes made for others at once; more are refused.
    package var relaysMax = 64

    package init() {}
}
