import Failpoints

/// Opening a log over any disk, supply and driver: recovery, then the first segment if there is none to go on in.
package enum LogOpening {
    package struct Opened<Supply: SegmentSupply> {
        package let engine: LogEngine
        package let supply: Supply
        package let recovery: WALRecovery
    }

    static func open<Supply: SegmentSupply>(
        disk: any LogDisk, driver: any BlockDriver, settings: WALSettings, newIdentity: UInt64? = nil,
        supply makeSupply: (Recovery.Resumption) throws(DiskFailure) -> Supply
    ) throws(WALError) -> Opened<Supply> {
        Failpoints.hit(.walOpenBefore)
        var recovery = Recovery(disk: disk, settings: settings)
        try recovery.run()
        Failpoints.hit(.walOpenRecovered)
        let resumption = recovery.resumption
        let supply = try onDisk { () throws(DiskFailure) in try makeSupply(resumption) }
        let engine = LogEngine(
            recovery: recovery, newIdentity: newIdentity ?? UInt64.random(in: 1 ... .max), settings: settings,
            disk: disk,
            driver: driver, supply: supply)
        do throws(WALError) {
            try engine.start()
        } catch {
            (supply as? SpareSegments)?.stop()
            throw error
        }
        Failpoints.hit(.walOpenAfter)
        return Opened(engine: engine, supply: supply, recovery: recovery.recovered)
    }

    /// An engine to be driven step by step, segments made as they are taken.
    /// - Parameter newIdentity: of a log that is new; nil draws one.
    package static func openInline(
        disk: any LogDisk, driver: any BlockDriver, settings: WALSettings, newIdentity: UInt64? = nil
    ) throws(WALError) -> Opened<InlineSegments> {
        try settings.validate()
        return try self.open(disk: disk, driver: driver, settings: settings, newIdentity: newIdentity) {
            (resumption) throws(DiskFailure) in
            InlineSegments(disk: disk, settings: settings, ready: resumption.spares)
        }
    }
}
