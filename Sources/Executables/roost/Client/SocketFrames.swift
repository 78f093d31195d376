import Foundation

/// What a client reads of any server frame; which fields are there depends on `type` (docs/socket.md).
struct ServerFrame: Decodable, Sendable {
    struct Message: Decodable, Sendable {
        let id: String
        let channelID: String
        let seq: UInt64
        let userID: String
        let text: String?
        let createdAt: String
        let clientID: String?

        enum CodingKeys: String, CodingKey {
            case id, seq, text
            case channelID = "channel_id"
            case userID = "user_id"
            case createdAt = "created_at"
            case clientID = "client_id"
        }
    }
    struct Channel: Decodable, Sendable {
        let id: String
        let name: String?
        let seq: UInt64
    }
    struct Member: Decodable, Sendable {
        let userID: String
        enum CodingKeys: String, CodingKey { case userID = "user_id" }
    }

    let type: String
    let ref: String?
    let code: String?
    let detail: String?
    let channelID: String?
    let seq: UInt64?
    let at: String?
    let message: Message?
    let member: Member?
    let channels: [Channel]?
    let delayMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
        case type, ref, code, detail, seq, at, message, member, channels
        case channelID = "channel_id"
        case delayMilliseconds = "delay_ms"
    }
}

/// What a client sends. Encoded by `JSONEncoder` with sorted keys.
enum ClientRequest: Encodable, Sendable, Hashable {
    case auth(token: String, resume: [String: UInt64])
    case send(ref: String, channel: String, text: String, clientID: String)
    case ping(ref: String)

    private enum CodingKeys: String, CodingKey {
        case type, token, resume, ref, text
        case channel = "channel_id"
        case clientID = "client_id"
    }

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .auth(let token, let resume):
            try fields.encode("auth", forKey: .type)
            try fields.encode(token, forKey: .token)
            if !resume.isEmpty { try fields.encode(resume, forKey: .resume) }
        case .send(let ref, let channel, let text, let clientID):
            try fields.encode("send", forKey: .type)
            try fields.encode(ref, forKey: .ref)
            try fields.encode(channel, forKey: .channel)
            try fields.encode(text, forKey: .text)
            try fields.encode(clientID, forKey: .clientID)
        case .ping(let ref):
            try fields.encode("ping", forKey: .type)
            try fields.encode(ref, forKey: .ref)
        }
    }

    func json() throws -> String {
        String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
    }
}
