import ClusterModel

// Forms that several values share: optional numbers and flags, lists of numbers, names of small enumerations.

/// A small enumeration whose cases have names in the clients' protocol.
package protocol NamedCase: CaseIterable {
    var name: String { get }
}

extension NamedCase {
    /// - Returns: nil for a name that no case has.
    package init?(name: String) {
        // By bytes: a stranger's combining marks would make comparing strings take quadratic time.
        guard let found = Self.allCases.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else { return nil }
        self = found
    }
}

extension ByteWriter {
    mutating func write(number: UInt64?) {
        self.write(number != nil)
        if let number { self.writeVariable(number) }
    }
    mutating func write(number: UInt32?) {
        self.write(number != nil)
        if let number { self.write(number) }
    }
    mutating func write(flag: Bool?) {
        self.write(flag != nil)
        if let flag { self.write(flag) }
    }
    mutating func write(numbers: [UInt64]) {
        self.writeCount(numbers.count)
        for number in numbers { self.writeVariable(number) }
    }
    mutating func write(texts: [String]?) {
        self.write(texts != nil)
        if let texts { self.write(texts) }
    }
    mutating func write(change: Change<UInt32>) {
        switch change {
        case .keep: self.write(UInt8(0))
        case .set(let number):
            self.write(UInt8(1))
            self.write(number)
        case .clear: self.write(UInt8(2))
        }
    }
}

extension ByteReader {
    mutating func readOptionalNumber() throws(WireError) -> UInt64? {
        try self.read(Bool.self) ? try self.readVariable() : nil
    }
    mutating func readOptionalNumber32() throws(WireError) -> UInt32? {
        try self.read(Bool.self) ? try self.read(UInt32.self) : nil
    }
    mutating func readOptionalFlag() throws(WireError) -> Bool? {
        try self.read(Bool.self) ? try self.read(Bool.self) : nil
    }
    mutating func readNumbers() throws(WireError) -> [UInt64] {
        let count = try self.readCount()
        var numbers: [UInt64] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count { numbers.append(try self.readVariable()) }
        return numbers
    }
    mutating func readOptionalTexts() throws(WireError) -> [String]? {
        try self.read(Bool.self) ? try self.readArray() : nil
    }
    mutating func readChange32() throws(WireError) -> Change<UInt32> {
        switch try self.read(UInt8.self) {
        case 0: return .keep
        case 1: return .set(try self.read(UInt32.self))
        case 2: return .clear
        case let raw: throw .unknownKind(UInt64(raw), of: "Change")
        }
    }
}
