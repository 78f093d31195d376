import ClientProtocol

// Schemas as JSON Schema 2020-12, the dialect of OpenAPI 3.1. Names stand in a fixed order.

extension JSONWriter {
    mutating func schema(_ schema: Schema) {
        self.beginObject()
        self.schemaFields(schema, isNullable: false)
        self.endObject()
    }

    private mutating func schemaFields(_ schema: Schema, isNullable: Bool) {
        switch schema {
        case .string(let form):
            self.type("string", isNullable)
            self.textFields(form)
        case .choice(let texts):
            self.type("string", isNullable)
            self.key("enum")
            self.beginArray()
            for text in texts { self.value(text) }
            if isNullable { self.null() }
            self.endArray()
        case .time:
            self.type("string", isNullable)
            self.field("format", "date-time")
        case .integer(let range):
            self.type("integer", isNullable)
            self.field("minimum", range.lowerBound)
            self.field("maximum", range.upperBound)
        case .bool: self.type("boolean", isNullable)
        case .null: self.field("type", "null")
        case .any: break
        case .array(let item, let count):
            self.type("array", isNullable)
            self.key("items")
            self.schema(item)
            if let count {
                if count.lowerBound > 0 { self.field("minItems", count.lowerBound) }
                self.field("maxItems", count.upperBound)
            }
        case .object(let fields):
            self.type("object", isNullable)
            self.objectFields(fields)
        case .map(let value, let keys, let countMax):
            self.type("object", isNullable)
            self.mapFields(value, keys, countMax)
        case .anyOf(let schemas): self.anyOf(schemas + (isNullable ? [.null] : []))
        case .nullable(let inner): self.schemaFields(inner, isNullable: true)
        case .ref(let component): self.reference(component.rawValue, isNullable)
        case .list(let component): self.reference(component.listName, isNullable)
        case .described(let inner, let text):
            self.schemaFields(inner, isNullable: isNullable)
            self.field("description", text)
        }
    }

    private mutating func type(_ name: String, _ isNullable: Bool) {
        self.key("type")
        guard isNullable else { return self.value(name) }
        self.beginArray()
        self.value(name)
        self.value("null")
        self.endArray()
    }

    private mutating func textFields(_ form: TextForm) {
        if let pattern = form.pattern { self.field("pattern", pattern) }
        if let format = form.format { self.field("format", format) }
        if let lengthMin = form.lengthMin { self.field("minLength", lengthMin) }
        if let lengthMax = form.lengthMax ?? form.bytesMax { self.field("maxLength", lengthMax) }
        if let bytesMax = form.bytesMax { self.field("x-bytes-max", bytesMax) }
    }

    private mutating func objectFields(_ fields: [Schema.Field]) {
        self.key("properties")
        self.beginObject()
        for field in fields {
            self.key(field.name)
            self.schema(field.schema)
        }
        self.endObject()
        let required = fields.filter(\.isRequired)
        guard !required.isEmpty else { return }
        self.key("required")
        self.beginArray()
        for field in required { self.value(field.name) }
        self.endArray()
    }

    private mutating func mapFields(_ value: Schema, _ keys: String?, _ countMax: Int?) {
        if let keys {
            self.key("propertyNames")
            self.schema(.text(pattern: keys))
        }
        self.key("additionalProperties")
        self.schema(value)
        if let countMax { self.field("maxProperties", countMax) }
    }

    private mutating func anyOf(_ schemas: [Schema]) {
        self.key("anyOf")
        self.beginArray()
        for schema in schemas { self.schema(schema) }
        self.endArray()
    }

    private mutating func reference(_ name: String, _ isNullable: Bool) {
        let address = "#/components/schemas/\(name)"
        guard isNullable else { return self.field("$ref", address) }
        self.key("anyOf")
        self.beginArray()
        self.beginObject()
        self.field("$ref", address)
        self.endObject()
        self.schema(.null)
        self.endArray()
    }
}
