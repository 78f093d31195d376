/// Opening a log over any disk, supply and driver: recovery, then the first segment if there is none to go on in.
package enum LogOpening {
    package struct Opened<Supply: SegmentSupply> {
        package let engine: LogEngine
        package let supply: Supply
        package let recovery: WALRecovery
    }

    static func open<Supply: SegmentSupply>(
        disk: any LogDisk, driver: any BlockDriver, settings: WALSettings,
        supply makeSupply: (Recovery.Resumption) throws(DiskFailure) -> Supply
    ) throws(WALError) -> Opened<Supply> {
        var generator = SystemRandomNumberGenerator()
        var recovery = Recovery(disk: disk, settings: settings)
        try recovery.run()
        let resumption = recovery.resumption
        let supply = try onDisk { () throws(DiskFailure) in try makeSupply(resumption) }
        let engine = LogEngine(
            recovery: recovery, newIdentity: generator.next(upperBound: UInt64.max) + 1, settings: settings, disk: disk,
            driver: driver, supply: supply)
        do throws(WALError) {
            try engine.start()
        } catch {
            (supply as? SpareSegments)?.stop()
            throw error
        }
        return Opened(engine: engine, supply: supply, recovery: recovery.recovered)
    }

    /// An engine to be driven step by step, segments made as they are taken.
    package static func openInline(
        disk: any LogDisk, driver: any BlockDriver, settings: WALSettings
    ) throws(WALError) -> Opened<InlineSegments> {
        try settings.validate()
        return try self.open(disk: disk, driver: driver, settings: settings) { (resumption) throws(DiskFailure) in
            InlineSegments(disk: disk, settings: settings, ready: resumption.spares)
        }
    }
}
