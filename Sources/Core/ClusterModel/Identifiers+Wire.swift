// The binary forms of the shared nouns.

extension NodeID: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(high: try reader.read(), low: try reader.read())
    }
}

extension ClusterID: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(high: try reader.read(), low: try reader.read())
    }
}

extension ShardID: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.read()) }
}

extension ReplicaID: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.readVariable()) }
}

extension Replica: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.node)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(id: try reader.read(), node: try reader.read())
    }
}

extension Term: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.readVariable()) }
}

extension LogIndex: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.readVariable()) }
}

extension RingEpoch: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.readVariable()) }
}

extension BootCounter: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.readVariable()) }
}

extension Timestamp: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.milliseconds) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(milliseconds: try reader.read()) }
}

extension String: Wire {
    public func encode(into writer: inout ByteWriter) { writer.write(self) }
    public init(from reader: inout ByteReader) throws(WireError) { self = try reader.read(String.self) }
}
