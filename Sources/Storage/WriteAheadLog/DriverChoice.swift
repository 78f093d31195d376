import Logging

/// Chooses the way to the disk: io_uring when a probe write through it succeeds, else pwrite.
enum DriverChoice {
    static func make(
        _ choice: WALSettings.Driver, disk: FileDisk, batchBytes: Int, probePath: String, logger: Logger
    ) throws(WALError) -> any BlockDriver {
        switch choice {
        case .pwrite:
            return PwriteDriver(disk: disk, batchBytes: batchBytes)
        case .ioURing:
            return try onDisk { () throws(DiskFailure) in
                try Self.probed(disk: disk, batchBytes: batchBytes, probePath: probePath)
            }
        case .automatic:
            do throws(DiskFailure) {
                return try Self.probed(disk: disk, batchBytes: batchBytes, probePath: probePath)
            } catch {
                logger.notice(
                    "io_uring is not usable here, the log writes with pwrite",
                    metadata: ["wal.probe.operation": "\(error.operation)", "wal.probe.errno": "\(error.errorNumber)"])
                return PwriteDriver(disk: disk, batchBytes: batchBytes)
            }
        }
    }

    private static func probed(disk: FileDisk, batchBytes: Int, probePath: String) throws(DiskFailure) -> IOURingDriver
    {
        let driver = try IOURingDriver(disk: disk, batchBytes: batchBytes)
        try driver.probe(path: probePath)
        return driver
    }
}
