/// Which life of a group a replica belongs to: 0 as founded, and one more each time that an operator made a
/// survivor its only voter (`force-quorum`). What an older life says is void for ever.
package struct GroupIncarnation: Hashable, Sendable {
    package let rawValue: UInt32
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package static let founding = GroupIncarnation(0)
    /// The incarnation after the last one is the last one.
    package func next() -> GroupIncarnation {
        GroupIncarnation(self.rawValue == .max ? .max : self.rawValue + 1)
    }
}

extension GroupIncarnation: Comparable {
    package static func < (left: GroupIncarnation, right: GroupIncarnation) -> Bool { left.rawValue < right.rawValue }
}
extension GroupIncarnation: CustomStringConvertible { package var description: String { "\(self.rawValue)" } }

extension GroupIncarnation: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(UInt64(self.rawValue)) }
    package init(from reader: inout ByteReader) throws(WireError) {
        guard let value = UInt32(exactly: try reader.readVariable()) else { throw .invalid("GroupIncarnation") }
        self.init(value)
    }
}
