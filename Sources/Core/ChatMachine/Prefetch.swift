import CPrefetch

/// Brings memory near before it is needed: what a whole entry's commands will look at is far away for each of them, and
/// the processor fetches a dozen lines in the time of one. Changes nothing but when it is there.
enum Prefetch {
    /// Bytes.
    private static let lineLength = 64
    /// Of an array's object, before its first element.
    private static let headerLength = 32

    static func line<Element>(at address: UnsafePointer<Element>?) {
        guard let address else { return }
        roost_prefetch(address)
    }

    /// What an array's object begins with: its references and its count.
    static func header<Element>(of address: UnsafePointer<Element>?) {
        guard let address else { return }
        roost_prefetch(UnsafeRawPointer(address) - Self.headerLength)
    }

    /// All of a value.
    static func value<Value>(_ address: UnsafePointer<Value>) {
        let raw = UnsafeRawPointer(address)
        let last = MemoryLayout<Value>.size - 1
        for offset in stride(from: 0, to: last, by: Self.lineLength) { roost_prefetch(raw + offset) }
        // The value begins somewhere in its first line.
        roost_prefetch(raw + last)
    }
}
