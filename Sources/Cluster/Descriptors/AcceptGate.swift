import NIOCore

/// Stands in the pipeline of a listening socket, before anything that takes connections: lets in, drops or holds what
/// knocks by the free file descriptors. Lives on the listener's event loop.
///
/// `refused` connections pass: who takes them tells them why.
package final class AcceptGate: ChannelInboundHandler {
    package typealias InboundIn = any Channel
    package typealias InboundOut = any Channel

    /// Between two looks while connections are held or dropped. A listener takes four at a look.
    private static let pause = TimeAmount.milliseconds(20)

    private let reserve: DescriptorReserve
    private let use: DescriptorUse
    private var resuming: Scheduled<Void>?

    package init(_ reserve: DescriptorReserve, _ use: DescriptorUse) {
        self.reserve = reserve
        self.use = use
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.reserve.admission(of: self.use) {
        case .admitted:
            self.reserve.countAccepted()
            context.fireChannelRead(data)
        case .refused:
            self.reserve.countAccepted()
            self.reserve.countRefusal(of: self.use)
            context.fireChannelRead(data)
        case .dropped, .held:
            self.reserve.countRefusal(of: self.use)
            self.unwrapInboundIn(data).close(promise: nil)
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        switch self.reserve.admission(of: self.use) {
        case .admitted, .refused: break
        case .dropped, .held: self.pauseReading(context)
        }
        context.fireChannelReadComplete()
    }

    /// Accepting failed, for the lack of a descriptor most likely: the listener would try again at once, for ever.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.pauseReading(context)
        context.fireErrorCaught(error)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.resuming?.cancel()
        self.resuming = nil
    }

    private func pauseReading(_ context: ChannelHandlerContext) {
        guard self.resuming == nil else { return }
        // Fails for a listener that is closed only, which accepts nothing either.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        self.scheduleResuming(context)
    }

    private func scheduleResuming(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.resuming = context.eventLoop.scheduleTask(in: Self.pause) {
            let (gate, context) = bound.value
            guard gate.reserve.admission(of: gate.use) != .held else { return gate.scheduleResuming(context) }
            gate.resuming = nil
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

extension DescriptorReserve {
    /// On the listener's loop, before it is bound.
    package func guardListener(_ listener: any Channel, for use: DescriptorUse) throws {
        try listener.pipeline.syncOperations.addHandler(AcceptGate(self, use))
    }
}
