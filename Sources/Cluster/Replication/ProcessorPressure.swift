/// Whether processors are short: the host's own loop was ready to run for a good part of the last second, and did not.
///
/// Then what can wait leaves the processors to messages (the index of texts, see `IndexPatience`), and turns of the loop are
/// spaced, since what comes together costs less (`TurnSpacing`).
struct ProcessorPressure {
    /// The share of a second from which on. A loop that has a processor for itself waits for some thousandths, one of several
    /// nodes under more load than the machine can take for 10 to 50 hundredths.
    private static let shareMax = 0.1

    private var last: (wait: Duration, at: UInt64)?
    private(set) var isShort = false

    /// Once a second.
    ///
    /// - Parameters:
    ///   - wait: how long the loop has waited for a processor since its start; nil where that is not known, and then
    ///     processors are never short.
    ///   - now: milliseconds.
    mutating func note(wait: Duration?, at now: UInt64) {
        defer { self.last = wait.map { ($0, now) } }
        guard let wait, let last = self.last, now > last.at else { return self.isShort = false }
        self.isShort = (wait - last.wait) / .milliseconds(now - last.at) > Self.shareMax
    }
}
