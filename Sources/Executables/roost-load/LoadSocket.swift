import NIOCore
import NIOPosix
import NIOWebSocket

/// One signed-in socket of a run. Lives on the run's event loop; costs no task.
final class LoadSocket: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    struct Closed: Error, CustomStringConvertible {
        let description: String
    }

    private let plan: SocketPlan
    private let state: LoadState
    private let ready: EventLoopPromise<Void>
    private let keyPrefix: String
    private var context: ChannelHandlerContext?
    private var hasSignedIn = false
    private var isLive = false
    private var needsFlush = false
    private var sent = 0
    /// When each send in flight was due, by its ref.
    private var due: [Int: NIODeadline] = [:]
    private let padding: String

    var inFlight: Int { self.due.count }

    private init(plan: SocketPlan, state: LoadState, ready: EventLoopPromise<Void>) {
        self.plan = plan
        self.state = state
        self.ready = ready
        self.keyPrefix = String(UInt64.random(in: 0 ... .max), radix: 36)
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        self.padding = String((0..<state.size).map { _ in letters[Int.random(in: letters.indices)] })
    }

    /// Connects, upgrades and signs in; returns when `ready` has come.
    static func open(_ plan: SocketPlan, on loop: any EventLoop, state: NIOLoopBound<LoadState>) async throws {
        let ready = loop.makePromise(of: Void.self)
        let dialed = SocketDial.open(plan.endpoint, on: loop) { channel in
            let socket = LoadSocket(plan: plan, state: state.value, ready: ready)
            try channel.pipeline.syncOperations.addHandler(socket)
            state.value.add(socket)
        }
        do { try await dialed.get() } catch {
            ready.fail(error)
            throw error
        }
        // Not from `handlerAdded`: what is written while the HTTP handlers leave the pipeline does not arrive.
        loop.execute { state.value.signIn() }
        try await ready.futureResult.get()
    }

    // MARK: - Sending

    /// The first frame; further calls do nothing.
    func signIn() {
        guard !self.hasSignedIn else { return }
        self.hasSignedIn = true
        self.write(#"{"type":"auth","token":"\#(self.plan.token)"}"#)
        self.flush()
    }

    /// Writes one send; `flush` puts it on the wire.
    func send(dueAt due: NIODeadline) {
        let channel = self.plan.channels[self.sent % self.plan.channels.count]
        let ref = self.sent
        self.sent += 1
        self.due[ref] = due
        // Its own number in front, so that no two texts are alike.
        let text = "\(ref) " + self.padding.dropLast(String(ref).utf8.count + 1)
        self.write(
            #"{"type":"send","ref":\#(ref),"channel_id":"\#(channel)","text":"\#(text)","client_id":"\#(self.keyPrefix)-\#(ref)"}"#
        )
    }

    func flush() {
        if self.needsFlush { self.context?.flush() }
        self.needsFlush = false
    }

    private func write(_ text: String) {
        guard let context = self.context else { return }
        let data = context.channel.allocator.buffer(string: text)
        context.write(
            self.wrapOutboundOut(.init(fin: true, opcode: .text, maskKey: .random(), data: data)), promise: nil)
        self.needsFlush = true
    }

    // MARK: - Receiving

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        switch frame.opcode {
        case .text: self.receive(frame.unmaskedData.readableBytesView)
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
            context.writeAndFlush(self.wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var payload = frame.unmaskedData
            let code = payload.readInteger(as: UInt16.self) ?? 1005
            self.fail(context, "the server closed a socket with \(code) \(String(buffer: payload))")
        default: break
        }
    }

    /// Answers are found by their first bytes and their `ref`; every other frame is an event and only costs its read.
    private func receive(_ bytes: ByteBufferView) {
        if bytes.starts(with: Self.okStart) || bytes.starts(with: Self.errorStart) {
            guard let ref = Self.ref(in: bytes), let due = self.due.removeValue(forKey: ref) else { return }
            let refusal = bytes.starts(with: Self.okStart) ? nil : String(decoding: bytes.prefix(300), as: UTF8.self)
            self.state.answered(on: self, after: .now() - due, refusal: refusal)
        } else if !self.isLive, bytes.starts(with: Self.readyStart) {
            self.isLive = true
            self.ready.succeed()
        }
    }

    private static let okStart = Array(#"{"type":"ok""#.utf8)
    private static let errorStart = Array(#"{"type":"error""#.utf8)
    private static let readyStart = Array(#"{"type":"ready""#.utf8)
    private static let refKey = Array(#""ref":"#.utf8)

    private static func ref(in bytes: ByteBufferView) -> Int? {
        guard let range = bytes.prefix(200).firstRange(of: Self.refKey) else { return nil }
        let digits = bytes[range.upperBound...].prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count < 16 else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.flush() }

    func channelInactive(context: ChannelHandlerContext) { self.fail(context, "a connection was lost") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.fail(context, "\(error)") }

    private func fail(_ context: ChannelHandlerContext, _ reason: String) {
        self.context = nil
        self.ready.fail(Closed(description: reason))
        for _ in self.due { self.state.answered(on: self, after: .zero, refusal: reason) }
        self.due.removeAll()
        context.close(promise: nil)
    }
}
