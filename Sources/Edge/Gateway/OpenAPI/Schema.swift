/// The form of a JSON value, as the contract tells it: as much of JSON Schema (2020-12) as the contract needs.
///
/// Objects are open: a client must bear fields that it does not know, and a node ignores them.
indirect enum Schema: Sendable, Hashable {
    case string(TextForm = TextForm())
    /// One of these texts.
    case choice([String])
    /// A moment as in RFC 3339; nodes write UTC with milliseconds.
    case time
    case integer(ClosedRange<Int64>)
    case bool
    /// Always null: what is not there yet.
    case null
    /// Any value at all.
    case any
    case array(Schema, count: ClosedRange<Int>? = nil)
    /// Fields in the order in which they are written.
    case object([Field])
    /// An object whose names are no fields but keys.
    case map(Schema, keys: String? = nil, countMax: Int? = nil)
    /// One of these, or several.
    case anyOf([Schema])
    case nullable(Schema)
    /// A schema that is described once, by its name.
    case ref(Component)
    /// A page of such things.
    case list(Component)
    /// The same value, with a word to the reader about it.
    case described(Schema, String)

    struct Field: Sendable, Hashable {
        let name: String
        let schema: Schema
        let isRequired: Bool

        init(_ name: String, _ schema: Schema, isRequired: Bool = true) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
        }

        /// A field of a request that may be absent, or null, which is the same.
        static func optional(_ name: String, _ schema: Schema) -> Field {
            Field(name, .nullable(schema), isRequired: false)
        }

        /// A field of an answer that is not always there, and never null.
        static func sometimes(_ name: String, _ schema: Schema) -> Field { Field(name, schema, isRequired: false) }
    }
}

/// What a text looks like.
struct TextForm: Sendable, Hashable {
    /// A regular expression (ECMA-262) for the whole text; nil for any.
    var pattern: String?
    var format: String?
    /// Characters at least.
    var lengthMin: Int?
    /// Characters at most.
    var lengthMax: Int?
    /// Bytes of UTF-8 at most. JSON Schema can not say this: it is told as so many characters, which no longer text
    /// can hold, and beside it in words and as `x-bytes-max`.
    var bytesMax: Int?
}

extension Schema {
    static func text(pattern: String) -> Schema { .string(TextForm(pattern: pattern)) }
    static func text(bytesMax: Int) -> Schema { .string(TextForm(bytesMax: bytesMax)) }
    static func text(_ bytes: ClosedRange<Int>) -> Schema {
        .string(TextForm(lengthMin: bytes.lowerBound, bytesMax: bytes.upperBound))
    }
    static let text = Schema.string()
    static let uri = Schema.string(TextForm(format: "uri"))

    /// How many of something there are, or a sequence number: whole and not negative.
    static let count = Schema.integer(0...Int64.max)

    static func choice<Value: CaseIterable>(_ name: (Value) -> String) -> Schema { .choice(Value.allCases.map(name)) }
}
