import ClusterModel

// The binary forms of what Searching.swift declares. docs/schema.md lists every number.

extension SearchOrder: ByteCoded { package static var wireName: StaticStringName { "SearchOrder" } }

extension SearchWords: Wire {
    private enum Kind: UInt8, ByteCoded {
        case word = 1
        case prefix = 2
        case phrase = 3
        static var wireName: StaticStringName { "SearchWords" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .word(let value):
            writer.write(Kind.word)
            writer.write(value)
        case .prefix(let value):
            writer.write(Kind.prefix)
            writer.write(value)
        case .phrase(let value):
            writer.write(Kind.phrase)
            writer.write(value)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .word: self = .word(try reader.read(String.self, max: WireLimits.name))
        case .prefix: self = .prefix(try reader.read(String.self, max: WireLimits.name))
        case .phrase: self = .phrase(try reader.read(String.self, max: WireLimits.text))
        }
    }
}

extension SearchTerm: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.words)
        writer.write(self.isExcluded)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(words: try reader.read(), isExcluded: try reader.read())
    }
}

extension SearchPosition: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.rank)
        writer.write(self.message)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(rank: try reader.read(), message: try reader.read())
    }
}

extension SearchRequest: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.terms)
        writer.write(self.channels)
        writer.write(self.author)
        writer.write(self.features)
        writer.write(self.before)
        writer.write(self.after)
        writer.write(self.order)
        writer.write(self.position)
        writer.write(self.limit)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            terms: try reader.readArray(bytesEach: 2), channels: try reader.readArray(bytesEach: 16),
            author: try reader.readOptional(), features: try reader.read(), before: try reader.readOptional(),
            after: try reader.readOptional(), order: try reader.read(), position: try reader.readOptional(),
            limit: try reader.read())
    }
}

extension SearchHit: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.message)
        writer.write(self.highlight)
        writer.write(self.score)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            message: try reader.read(), highlight: try reader.read(String.self, max: WireLimits.text),
            score: try reader.read())
    }
}
