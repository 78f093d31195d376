/// What a time series is called: a name of the `roost_` family and the labels that tell it from its siblings.
///
/// Labels are few and come from the source, never from clients: each combination lives as long as the process.
package struct MetricName: Hashable, Sendable, Comparable {
    package let name: String
    /// In the order of their keys.
    package let labels: [Label]

    package struct Label: Hashable, Sendable, Comparable {
        package let key: String
        package let value: String
        package static func < (left: Label, right: Label) -> Bool { (left.key, left.value) < (right.key, right.value) }
    }

    package init(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) {
        precondition(Self.isValid(name), "metric name \(name)")
        self.name = name
        self.labels = labels.map { Label(key: $0.key, value: $0.value) }.sorted()
    }

    private static func isValid(_ name: String) -> Bool {
        name.hasPrefix("roost_")
            && name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
            }
    }

    package static func < (left: MetricName, right: MetricName) -> Bool {
        left.name != right.name ? left.name < right.name : left.labels.lexicographicallyPrecedes(right.labels)
    }
}
