/// One line of a history file. docs/verification.md, "History", has the format.
///
/// The outcome of an attempt is a line of its own, so that what was sent is on disk before anybody can have
/// answered it; an attempt without one is unknown.
package enum HistoryRecord: Sendable {
    /// The first line of a client's file.
    case client(UInt32, user: String)
    /// Before the first line that names the channel.
    case channel(Int, id: String, name: String, shard: Int, isPrivate: Bool)
    case send(at: Microseconds, channel: Int, MessageKey, TextDigest, node: String)
    case ack(at: Microseconds, channel: Int, MessageKey, seq: UInt64, shown: TextDigest)
    /// Not applied. `isDenied`: because the author may not.
    case refused(at: Microseconds, channel: Int, MessageKey, code: String, isDenied: Bool)
    case unknown(at: Microseconds, channel: Int, MessageKey, reason: String)
    case delivery(at: Microseconds, channel: Int, Delivery.Event, node: String)
    case read(channel: Int, Read)
    case change(channel: Int, MembershipChange)
    /// A stretch of a final log; those of one node and kind follow each other by rising seq.
    case logPage(channel: Int, FinalLog)
    /// All pages of it were read.
    case logEnd(channel: Int, node: String, Read.Consistency, isFull: Bool)
    /// It could not be read.
    case logMissing(channel: Int, node: String, reason: String)
    case sidebar(channel: Int, SidebarRow)
    case members(channel: Int, MemberList)
    case hook(channel: Int, HookInterest)
    case hookDelivery(channel: Int, HookDelivery)
    case node(NodeEvent)
    case lively(LivelyRecord)

    package static let format = 1
}

/// A history file that can not be read.
package struct HistoryFormatError: Error, Sendable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let reason: String

    package init(file: String, line: Int, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    package var description: String { "\(self.file):\(self.line): \(self.reason)" }
}
