// The table of what nodes ask of each other. Append; never reuse or change a number (CallTableTests holds the copy that
// fails when one changes its meaning). A changed argument or answer is a new target.
//
//     1–99     replication    100–199  routing      200–299  connections, interest
//     300–399  membership     400–499  consumers    65000–   tests

import PeerTransport

extension CallTarget {
    // MARK: Replication

    /// Heartbeats, votes and their answers of all shards to one peer in one turn.
    package static let raftControl = CallTarget(
        number: 1, kind: .persistence, name: "replication.raft.control", delivery: .direct, connection: .control)
    /// Appends and their answers of all shards to one peer in one turn.
    package static let raftAppend = CallTarget(
        number: 2, kind: .persistence, name: "replication.raft.append", delivery: .direct, connection: .append)
    /// Pieces of snapshots and their answers.
    package static let raftBulk = CallTarget(
        number: 3, kind: .persistence, name: "replication.raft.bulk", delivery: .direct, connection: .bulk)

    /// A read that the shard's leader, or any replica where the caller says so, is to serve.
    package static let persistenceRead = CallTarget(
        number: 4, kind: .persistence, name: "Routing.PersistenceActor.read(_:)", delivery: .directCall)
    /// The groups that a node leads, for the cluster's status.
    package static let hostGroups = CallTarget(
        number: 5, kind: .host, name: "Routing.HostActor.groups()", delivery: .concurrentCall)

    /// An operator wants the receiver's indices of texts made anew.
    package static let hostRebuildIndices = CallTarget(
        number: 7, kind: .host, name: "Routing.HostActor.rebuildIndices()", delivery: .concurrentCall)
    // 6 was a search in one step, which no release has had.

    /// A step of a search of many shards at once, of which the receiver leads each.
    package static let hostFind = CallTarget(
        number: 8, kind: .host, name: "Routing.HostActor.find(_:)", delivery: .concurrentCall)

    // MARK: Routing

    /// Commands for shards that the receiver leads; one batch per peer and turn.
    package static let routingSubmit = CallTarget(
        number: 100, kind: .routing, name: "Routing.RoutingActor.submit(_:)", delivery: .oneWay)
    /// What became of commands that the receiver has forwarded; one batch per peer and turn.
    package static let routingResults = CallTarget(
        number: 101, kind: .routing, name: "Routing.RoutingActor.results(_:)", delivery: .oneWay)

    // MARK: Connections

    /// Feed items for the receiver's connections; one batch per peer and turn.
    package static let connectionDeliver = CallTarget(
        number: 200, kind: .connection, name: "Routing.ConnectionActor.deliver(_:)", delivery: .oneWay)
    /// What the sender wants to hear, or no longer.
    package static let connectionInterest = CallTarget(
        number: 201, kind: .connection, name: "Routing.ConnectionActor.interest(_:)", delivery: .oneWay)

    // MARK: Membership

    /// A new node asks to be let in.
    package static let membershipJoin = CallTarget(
        number: 301, kind: .membership, name: "Routing.MembershipActor.join(_:)", delivery: .concurrentCall)

    /// Whom a voter of the directory believes gone.
    package static let membershipDead = CallTarget(
        number: 302, kind: .membership, name: "Routing.MembershipActor.deadMembers()", delivery: .concurrentCall)

    /// One SWIM message.
    package static let gossip = CallTarget(
        number: 300, kind: .membership, name: "membership.gossip", delivery: .direct, connection: .control)

    // MARK: Consumers

    /// Who is here: from the node of their sockets to the leaders of their shards. Lost ones are made up for.
    package static let presenceReport = CallTarget(
        number: 400, kind: .presence, name: "Routing.PresenceActor.report(_:)", delivery: .oneWay)
    /// All whom the sender's sockets watch in the shards that the receiver leads.
    package static let presenceWatch = CallTarget(
        number: 401, kind: .presence, name: "Routing.PresenceActor.watch(_:)", delivery: .oneWay)
    /// What became of those that the receiver watches.
    package static let presenceUpdate = CallTarget(
        number: 402, kind: .presence, name: "Routing.PresenceActor.update(_:)", delivery: .oneWay)
    /// Who types where, to all nodes that may have readers.
    package static let ephemeralTyping = CallTarget(
        number: 403, kind: .presence, name: "Routing.PresenceActor.typing(_:)", delivery: .oneWay)
    /// How people are whose shards the receiver leads, after it has heard what the question says of them.
    package static let presenceAsk = CallTarget(
        number: 404, kind: .presence, name: "Routing.PresenceActor.ask(_:)", delivery: .concurrentCall)
}

extension CallTable {
    package static let roost = CallTable([
        .raftControl, .raftAppend, .raftBulk, .persistenceRead, .hostGroups, .hostRebuildIndices, .hostFind,
        .routingSubmit, .routingResults,
        .connectionDeliver, .connectionInterest,
        .gossip, .membershipJoin, .membershipDead,
        .presenceReport, .presenceWatch, .presenceUpdate, .ephemeralTyping, .presenceAsk,
    ])
}
