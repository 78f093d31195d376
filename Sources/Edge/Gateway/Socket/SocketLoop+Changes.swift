import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import NIOCore

// What clients change over the socket beside new messages: the same commands as over REST, answered by what they change.

extension SocketLoop {
    func carryOut(_ frame: ClientFrame, _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        switch frame {
        case .typingStart(let channel): self.type(in: channel, isOver: false, ref, for: socket)
        case .typingStop(let channel): self.type(in: channel, isOver: true, ref, for: socket)
        case .presenceSet(let choice): self.choose(choice, ref, for: socket)
        case .presenceWatch(let users): self.watch(users, ref, for: socket)
        case .read(let channel, let seq):
            self.perform(.readChannel(channel, seq: seq, by: actor), ref, for: socket)
        case .delete(let message):
            self.perform(.deleteMessage(message, asModerator: false, by: actor, nil), ref, for: socket)
        case .react(let message, let emoji):
            self.perform(.react(message, emoji: emoji, by: actor, nil), ref, for: socket)
        case .unreact(let message, let emoji):
            self.perform(.unreact(message, emoji: emoji, by: actor, nil), ref, for: socket)
        case .edit(let message, let text): self.edit(message, text, ref, for: socket)
        case .auth, .ping, .send, .fetch, .subscribe, .unsubscribe: break
        }
    }

    /// No task: what the shard decides comes back through the inbox.
    private func perform(_ command: Command, _ ref: FrameRef?, for socket: ClientSocket) {
        let id = socket.id
        let user = socket.user
        self.services.service.perform(command) { result in
            let frame = Self.frame(of: result, ref, for: user)
            self.call { $0.sockets[id]?.step(.answered(frame)) }
        }
    }

    private static func frame(
        of result: Result<CommandResult, ServiceError>, _ ref: FrameRef?, for user: UserID
    ) -> [UInt8] {
        switch result {
        case .success(.read(let state)): ServerFrame.ok(ref, read: state)
        case .success(.view(let view)): ServerFrame.ok(ref, view: view, viewer: user)
        case .success(.reactions(let groups)): ServerFrame.ok(ref, reactions: groups)
        case .success(.refused(let refusal)): ServerFrame.error(ref, Problem(refusal))
        case .success: ServerFrame.error(ref, Problem(.internal))
        case .failure(let error): ServerFrame.error(ref, Problem(error))
        }
    }
}

extension SocketLoop {
    /// Reads the message first, and again when somebody else has changed it in between.
    private func edit(_ message: MessageID, _ text: String, _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        let id = socket.id
        let service = self.services.service
        self.services.run {
            let frame: [UInt8]
            do {
                let view = try await MessageChanges(service).edit(message, text, by: actor)
                frame = ServerFrame.ok(ref, view: view, viewer: actor.user)
            } catch {
                frame = ServerFrame.error(ref, Problem(anyOf: error))
            }
            self.call { $0.sockets[id]?.step(.answered(frame)) }
        }
    }
}
