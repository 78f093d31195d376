import WriteAheadLog

/// Mistakes in the log, or in how it is used, that the simulator has to find.
package enum LogMutants {
    package static let all: [(id: String, name: String, faults: WALSettings.Faults)] = [
        ("M12", "the host releases entries that its projection does not hold durably", .releasesUnapplied),
        ("M13", "a segment's end loses a hard state", .forgetsHardStates),
        ("M14", "damage in the middle of the log is cut off silently", .truncatesSilently),
        ("M15", "a sync that failed is tried again and believed", .retriesSync),
    ]
}
