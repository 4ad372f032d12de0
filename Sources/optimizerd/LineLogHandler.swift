import Foundation
import Logging
import SystemIO
import TensorFormats

/// Writes an event as one line on stderr: for people, or as a JSON object for machines.
struct LineLogHandler: LogHandler {
    let format: LogSettings.Format
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let (level, message) = (event.level, event.message)
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let time = WallClock.rfc3339(WallClock.now())
        let text =
            switch format {
            case .text: LineLogHandler.text(time, level, message, facts)
            case .json: LineLogHandler.json(time, level, message, facts)
            }
        // One write a line, so that lines of several threads do not mix.
        FileHandle.standardError.write(Data(text))
    }

    private static func text(
        _ time: String, _ level: Logger.Level, _ message: Logger.Message,
        _ facts: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        let pairs = facts.map { " \($0.key)=\(quoted("\($0.value)"))" }.joined()
        return Array("\(time) \(level) \(message)\(pairs)\n".utf8)
    }

    /// Values that a client chose may hold anything; quoted and escaped they stay on the line.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 }
        guard !isPlain || value.isEmpty else { return value }
        var json = JSONWriter()
        json.string(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func json(
        _ time: String, _ level: Logger.Level, _ message: Logger.Message,
        _ facts: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        for (name, value) in [
            ("time", time), ("level", level.rawValue), ("event", "\(message)"),
        ] + facts.map({ ($0.key, "\($0.value)") }) {
            json.name(name)
            json.string(value)
        }
        json.endObject()
        return json.bytes + [0x0A]
    }
}
