/// The form of a JSON value, as the contract tells it.
indirect enum Schema: Sendable, Hashable {
    /// - Parameter pattern: a regular expression for the whole text; nil for any text.
    case string(pattern: String? = nil, bytesMax: Int? = nil)
    /// One of these texts.
    case choice([String])
    /// A moment in UTC.
    case time
    case integer(ClosedRange<Int64>)
    case number
    case bool
    case array(Schema, countMax: Int? = nil)
    /// Fields in the order in which they are written.
    case object([Field])
    case nullable(Schema)
    /// A schema that is described once, by its name.
    case ref(String)

    struct Field: Sendable, Hashable {
        let name: String
        let schema: Schema
        var isRequired = true
    }
}
