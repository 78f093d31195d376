import CPrefetch

/// Brings memory near before it is needed: what a whole entry's commands will look at is far away for each of them, and
/// the processor fetches a dozen lines in the time of one. Changes nothing but when it is there.
enum Prefetch {
    /// Bytes.
    private static let lineLength = 64
    /// Of an array's object, before its first element.
    private static let headerLength = 32

    /// What an array's object begins with, its references and its count, and the element at `place`, which need not be there.
    ///
    /// An array is one word, the place of its object. Read as that it is not counted: to count would wait for the very line that
    /// is to come.
    static func array<Element>(_ array: UnsafePointer<[Element]>, at place: Int) {
        let object = UnsafeRawPointer(array).load(as: UInt.self)
        Self.line(object)
        Self.line(object &+ UInt(bitPattern: Self.headerLength &+ place &* MemoryLayout<Element>.stride))
    }

    private static func line(_ address: UInt) {
        guard let address = UnsafeRawPointer(bitPattern: address) else { return }
        roost_prefetch(address)
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
