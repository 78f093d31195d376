import ChatModel
import ClusterModel

/// Takes typed fields out of an object from a stranger and collects what is wrong with them.
///
/// `null` counts as absent. A field that is wrong gives nil and one error; the caller reads all fields first
/// and asks for `problem` once, so that the answer names every one.
package struct FieldReader: Sendable {
    package let object: JSONObject
    package private(set) var errors: [FieldError] = []
    /// A place that does not exist is a 404, not a 422: whether an id is well-formed must not be told apart.
    package private(set) var namesNothing = false

    package init(_ object: JSONObject) { self.object = object }

    /// The answer if anything was wrong.
    package var problem: Problem? {
        if !self.errors.isEmpty { return Problem(self.errors) }
        return self.namesNothing ? Problem(.notFound) : nil
    }

    package mutating func refuse(_ field: String, _ detail: String) {
        guard self.errors.count < 32 else { return }
        self.errors.append(FieldError(field: field, detail: detail))
    }

    private func value(_ field: String) -> JSONValue? {
        guard let value = self.object[field], value != .null else { return nil }
        return value
    }

    /// A string that must be there.
    package mutating func string(_ field: String) -> String? {
        switch self.value(field) {
        case .string(let text): return text
        case nil: self.refuse(field, "is required")
        default: self.refuse(field, "must be a string")
        }
        return nil
    }

    /// A string that may be absent; nil also when it is wrong, which `problem` then says.
    package mutating func optionalString(_ field: String) -> String? {
        switch self.value(field) {
        case .string(let text): return text
        case nil: return nil
        default:
            self.refuse(field, "must be a string")
            return nil
        }
    }

    /// A string under a rule, in the form in which the rule takes it in.
    package mutating func string(_ field: String, _ rule: TextRule) -> String? {
        guard let text = self.string(field) else { return nil }
        return self.checked(field, text, rule)
    }

    package mutating func optionalString(_ field: String, _ rule: TextRule) -> String? {
        guard let text = self.optionalString(field) else { return nil }
        return self.checked(field, text, rule)
    }

    private mutating func checked(_ field: String, _ text: String, _ rule: TextRule) -> String? {
        let text = rule.normal(text)
        guard let complaint = rule.complaint(about: text) else { return text }
        self.refuse(field, complaint)
        return nil
    }

    package mutating func integer(_ field: String, in range: ClosedRange<Int64>, default: Int64) -> Int64? {
        guard let value = self.value(field) else { return `default` }
        guard let integer = value.asInteger else {
            self.refuse(field, "must be an integer")
            return nil
        }
        guard range.contains(integer) else {
            self.refuse(field, "must be from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    package mutating func requiredInteger(_ field: String, in range: ClosedRange<Int64>) -> Int64? {
        guard self.value(field) != nil else {
            self.refuse(field, "is required")
            return nil
        }
        return self.integer(field, in: range, default: range.lowerBound)
    }

    /// A moment in RFC 3339; nil also when it is wrong, which `problem` then says.
    package mutating func optionalTime(_ field: String) -> Timestamp? {
        guard let text = self.optionalString(field) else { return nil }
        guard let time = CalendarTime(text) else {
            self.refuse(field, "must be a time as in RFC 3339")
            return nil
        }
        return time.timestamp
    }

    package mutating func messageID(_ field: String) -> MessageID? {
        guard let text = self.string(field) else { return nil }
        guard let message = MessageID(text) else {
            self.namesNothing = true
            return nil
        }
        return message
    }

    package mutating func channelID(_ field: String) -> ChannelID? {
        guard let text = self.string(field) else { return nil }
        guard let channel = ChannelID(frameText: text) else {
            self.namesNothing = true
            return nil
        }
        return channel
    }
}
