import ChatMachine
import ChatModel
import ClusterModel

/// The things that the benchmarks work on: one user, some channels, texts of 256 bytes.
enum Samples {
    static let user = UserID(high: 0x0193_0000_0000_0001, low: 7)
    static let actor = Actor(user: Samples.user, role: .member, session: SessionID(high: 1, low: 1))
    static let text = String(repeating: "the quick brown fox jumps over it ", count: 8).prefix(256).description

    static func channel(_ number: Int) -> ChannelID { ChannelID(high: 0x0193_0000_0000_0002, low: UInt64(number)) }

    static func post(_ number: Int, in channel: ChannelID) -> Command {
        .postMessage(
            channel, MessageContent(text: Self.text, clientID: "c-\(number)", thread: nil), by: Self.actor,
            IdempotencyKey(user: Self.user, key: "k-\(number)", fingerprint: UInt64(number)))
    }

    static func logged(_ command: Command) -> LoggedCommand {
        LoggedCommand(at: Timestamp(milliseconds: 1_760_000_000_000), command: command)
    }

    static func event(_ seq: UInt64, in channel: ChannelID) -> DurableEvent {
        DurableEvent(
            channel: channel, seq: seq, at: Timestamp(milliseconds: 1_760_000_000_000), actor: Self.user,
            body: .messageCreated(MessageContent(text: Self.text, clientID: "c-\(seq)", thread: nil)))
    }
}
