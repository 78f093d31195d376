// The one binary codec of the project: log entries, projection records and messages between nodes.
//
// Fixed-width integers are little-endian; lengths and counts are LEB128 variable-length integers of
// at most ten bytes.
//
// Public and inlinable, unlike everything else between the modules: the compiler specialises only public bodies across
// modules, and unspecialised this codec was a tenth of a loaded node's CPU.
//
// Nothing here traps on foreign bytes: every read is checked and throws.

/// A value with a binary form. Forms are versioned by *number*: a changed meaning is a new number
/// in the table that names it, never a changed layout of an old one.
public protocol Wire: Sendable {
    func encode(into writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws(WireError)
}

extension Wire {
    /// The binary form alone, for storage and tests.
    @inlinable
    public var encoded: [UInt8] {
        // Most values are short; a message's worth at once saves the growth from 16 bytes up.
        var writer = ByteWriter(reservingCapacity: 128)
        self.encode(into: &writer)
        return writer.bytes
    }

    /// Decodes exactly `bytes`: bytes left over are an error, since they mean another layout.
    @inlinable
    public init(encoded bytes: [UInt8]) throws(WireError) {
        try self.init(encoded: bytes, in: 0..<bytes.count)
    }

    /// Decodes exactly `range` of `bytes`.
    @inlinable
    public init(encoded bytes: [UInt8], in range: Range<Int>) throws(WireError) {
        var reader = ByteReader(bytes, in: range)
        try self.init(from: &reader)
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
    }
}

/// Why bytes could not be decoded. All of them mean the same to a caller: refuse the whole message.
public enum WireError: Error, Equatable, Sendable {
    /// The bytes end before the value does.
    case truncated(needed: Int, remaining: Int)
    /// A length or count is larger than its bound or than the bytes that are left.
    case tooLong(Int)
    /// A discriminator that this version does not know.
    case unknownKind(UInt64, of: StaticStringName)
    /// Well-formed bytes with an impossible meaning.
    case invalid(StaticStringName)
    /// The value ended before the bytes did.
    case trailingBytes(Int)
}

/// A name given in the source, comparable so that errors can be compared in tests.
public struct StaticStringName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let description: String
    public init(stringLiteral value: String) { self.description = value }
}

/// Appends binary forms to an array. Reuse one with `removeAll(keepingCapacity:)` on hot paths.
public struct ByteWriter: Sendable {
    @usableFromInline var storage: [UInt8]
    @inlinable
    public var bytes: [UInt8] { self.storage }

    @inlinable
    public init(reservingCapacity capacity: Int = 0) {
        self.storage = []
        self.storage.reserveCapacity(capacity)
    }

    @inlinable
    public var count: Int { self.storage.count }

    @inlinable
    public mutating func removeAll(keepingCapacity: Bool = true) {
        self.storage.removeAll(keepingCapacity: keepingCapacity)
    }

    @inlinable
    public mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { self.append(raw: $0) }
    }

    @inlinable
    public mutating func write(_ value: Bool) {
        self.storage.append(value ? 1 : 0)
    }

    /// An unsigned LEB128 integer: 7 bits a byte, lowest first.
    @inlinable
    public mutating func writeVariable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            self.storage.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.storage.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A count in front of something, as a variable-length integer.
    @inlinable
    public mutating func writeCount(_ count: Int) {
        precondition(count >= 0, "a count of \(count)")
        self.writeVariable(UInt64(count))
    }

    /// A length and the bytes.
    @inlinable
    public mutating func write(_ bytes: [UInt8]) {
        self.writeCount(bytes.count)
        self.storage.append(contentsOf: bytes)
    }

    /// A length and the UTF-8 bytes.
    @inlinable
    public mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            self.writeCount(utf8.count)
            self.append(raw: UnsafeRawBufferPointer(utf8))
        }
    }

    @inlinable
    public mutating func write(_ value: some Wire) {
        value.encode(into: &self)
    }

    @inlinable
    public mutating func write(_ value: (some Wire)?) {
        self.write(value != nil)
        value?.encode(into: &self)
    }

    @inlinable
    public mutating func write(_ values: [some Wire]) {
        self.writeCount(values.count)
        for value in values { value.encode(into: &self) }
    }

    /// A length of four bytes and what `body` writes: in place, where a variable-length integer would have to know the
    /// length before. `ByteReader.readFrame` reads it.
    ///
    /// - Precondition: `body` writes less than 4 GiB.
    @inlinable
    public mutating func writeFrame(_ body: (inout ByteWriter) -> Void) {
        let start = self.storage.count
        self.write(UInt32(0))
        body(&self)
        let length = UInt32(self.storage.count - start - 4)
        self.storage.withUnsafeMutableBytes {
            $0.storeBytes(of: length.littleEndian, toByteOffset: start, as: UInt32.self)
        }
    }

    /// Takes back what was written from `count` on.
    @inlinable
    public mutating func removeAll(from count: Int) {
        self.storage.removeSubrange(count...)
    }

    /// Bytes without a length; the reader must know how many.
    @inlinable
    public mutating func append(raw: UnsafeRawBufferPointer) {
        self.storage.append(contentsOf: raw)
    }
}

/// Reads binary forms from an array, with every length checked before use.
public struct ByteReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var offset: Int
    /// All of them, read or not.
    @inlinable
    public var array: [UInt8] { self.bytes }
    /// Where the next byte is read, in the array.
    @inlinable
    public var position: Int { self.offset }
    @usableFromInline let end: Int

    @inlinable
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        self.offset = 0
        self.end = bytes.count
    }

    /// Reads `range` of `bytes` only.
    @inlinable
    public init(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(range) of \(bytes.count)")
        self.bytes = bytes
        self.offset = range.lowerBound
        self.end = range.upperBound
    }

    @inlinable
    public var remaining: Int { self.end - self.offset }
    @inlinable
    public var isAtEnd: Bool { self.offset == self.end }

    /// Goes back to where it has been.
    @inlinable
    public mutating func move(to position: Int) {
        precondition(position >= 0 && position <= self.offset, "\(position) is not before \(self.offset)")
        self.offset = position
    }

    @inlinable
    mutating func take(_ count: Int) throws(WireError) -> Int {
        guard count <= self.remaining else { throw .truncated(needed: count, remaining: self.remaining) }
        defer { self.offset += count }
        return self.offset
    }

    @inlinable
    public mutating func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        let start = try self.take(MemoryLayout<Value>.size)
        return self.bytes.withUnsafeBytes {
            Value(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: Value.self))
        }
    }

    @inlinable
    public mutating func read(_ type: Bool.Type = Bool.self) throws(WireError) -> Bool {
        switch try self.read(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .invalid("bool")
        }
    }

    @inlinable
    public mutating func readVariable() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try self.read(UInt8.self)
            let part = UInt64(byte & 0x7F)
            guard shift < 63 || part <= 1 else { throw .invalid("variable-length integer") }
            value |= part << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
            guard shift <= 63 else { throw .invalid("variable-length integer") }
        }
    }

    /// A count of things of at least `bytesEach` bytes, which must fit in what is left, so that no
    /// foreign count can reserve more memory than was sent.
    @inlinable
    public mutating func readCount(bytesEach: Int = 1, max: Int = .max) throws(WireError) -> Int {
        let raw = try self.readVariable()
        guard let count = Int(exactly: raw) else { throw .tooLong(.max) }
        guard count <= max, count <= self.remaining / Swift.max(bytesEach, 1) else { throw .tooLong(count) }
        return count
    }

    @inlinable
    public mutating func readBytes(max: Int = .max) throws(WireError) -> [UInt8] {
        let count = try self.readCount(max: max)
        let start = try self.take(count)
        return Array(self.bytes[start..<start + count])
    }

    /// A length and bytes, which stay where they are.
    @inlinable
    public mutating func readRange(max: Int = .max) throws(WireError) -> Range<Int> {
        let count = try self.readCount(max: max)
        let start = try self.take(count)
        return start..<start + count
    }

    /// Where the bytes are that `ByteWriter.writeFrame` has written behind their length.
    @inlinable
    public mutating func readFrame() throws(WireError) -> Range<Int> {
        let count = Int(try self.read(UInt32.self))
        let start = try self.take(count)
        return start..<start + count
    }

    /// Where all that is left stands.
    @inlinable
    public mutating func readRest() -> Range<Int> {
        defer { self.offset = self.end }
        return self.offset..<self.end
    }

    @inlinable
    public mutating func read(_ type: String.Type = String.self, max: Int = .max) throws(WireError) -> String {
        let count = try self.readCount(max: max)
        let start = try self.take(count)
        guard let text = String(validating: self.bytes[start..<start + count], as: UTF8.self) else {
            throw .invalid("UTF-8")
        }
        return text
    }

    @inlinable
    public mutating func read<Value: Wire>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        try Value(from: &self)
    }

    @inlinable
    public mutating func readOptional<Value: Wire>(_ type: Value.Type = Value.self) throws(WireError) -> Value? {
        try self.read(Bool.self) ? try Value(from: &self) : nil
    }

    @inlinable
    public mutating func readArray<Value: Wire>(
        of type: Value.Type = Value.self, bytesEach: Int = 1, max: Int = .max
    ) throws(WireError) -> [Value] {
        let count = try self.readCount(bytesEach: bytesEach, max: max)
        var values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try Value(from: &self)) }
        return values
    }
}
