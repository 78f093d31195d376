/// Why a list of failpoints could not be read.
package struct FailpointSyntaxError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

// The text form, as in ROOST_FAILPOINTS:   name=crash@3,other=sleep:1000,third=panic@1
extension Failpoints {
    /// Reads a comma-separated list. An empty one is fine.
    package static func parse(_ text: String) throws(FailpointSyntaxError) -> [(point: Failpoint, trigger: Trigger)] {
        var result: [(point: Failpoint, trigger: Trigger)] = []
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2 else { throw FailpointSyntaxError(description: "'\(part)' is not name=action") }
            result.append((try self.point(String(sides[0])), try self.trigger(String(sides[1]))))
        }
        return result
    }

    package static func point(_ name: String) throws(FailpointSyntaxError) -> Failpoint {
        guard let point = Failpoint(rawValue: name) else {
            throw FailpointSyntaxError(description: "there is no failpoint '\(name)'")
        }
        return point
    }

    /// `crash`, `panic` or `sleep:MILLISECONDS`, each perhaps with `@N`: only the N-th hit, counted from 1.
    package static func trigger(_ text: String) throws(FailpointSyntaxError) -> Trigger {
        let sides = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        var hit: UInt64?
        if sides.count == 2 {
            guard let number = UInt64(sides[1]), number > 0 else {
                throw FailpointSyntaxError(description: "'\(text)': the hit is a number from 1")
            }
            hit = number
        }
        let words = sides[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        switch (words[0], words.count) {
        case ("crash", 1): return Trigger(.crash, hit: hit)
        case ("panic", 1): return Trigger(.panic, hit: hit)
        case ("sleep", 2):
            guard let milliseconds = Int(words[1]), (0...600_000).contains(milliseconds) else {
                throw FailpointSyntaxError(description: "'\(text)': a sleep is of 0 to 600000 ms")
            }
            return Trigger(.sleep(milliseconds: milliseconds), hit: hit)
        default:
            throw FailpointSyntaxError(description: "'\(text)' is none of crash, panic and sleep:MILLISECONDS")
        }
    }
}
