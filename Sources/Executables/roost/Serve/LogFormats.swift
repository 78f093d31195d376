import Foundation
import Logging

extension ServeSettings {
    /// Logs go to standard error; standard output carries the ready line only.
    func bootstrapLogging() {
        let level = self.logLevel
        if self.logsJSON {
            LoggingSystem.bootstrap { label in JSONLogHandler(label: label, logLevel: level) }
        } else {
            LoggingSystem.bootstrap { label in
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = level
                return handler
            }
        }
    }
}

/// One JSON object a line. Control characters in values are escaped by the encoder.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var object: [String: String] = [
            "time": Date.now.formatted(.iso8601.time(includingFractionalSeconds: true)),
            "level": event.level.rawValue, "logger": self.label, "message": event.message.description,
        ]
        for (key, value) in self.metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }) {
            object[key] = value.description
        }
        guard var line = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]) else { return }
        line.append(0x0A)
        FileHandle.standardError.write(line)
    }
}
