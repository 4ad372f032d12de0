import Logging
import SystemIO
import TensorFormats

extension LogSettings.Format {
    /// An event as one line, its line feed included: for people, or a JSON object for machines.
    func line(
        _ level: Logger.Level, _ event: String, _ facts: [(name: String, value: String)]
    ) -> [UInt8] {
        let time = WallClock.rfc3339(WallClock.now())
        switch self {
        case .text:
            let pairs = facts.map { " \($0.name)=\(LogSettings.Format.quoted($0.value))" }.joined()
            return Array("\(time) \(level) \(event)\(pairs)\n".utf8)
        case .json:
            let members = [("time", time), ("level", level.rawValue), ("event", event)] + facts
            var json = JSONWriter()
            json.beginObject()
            for (name, value) in members {
                json.name(name)
                json.string(value)
            }
            json.endObject()
            return json.bytes + [UInt8(ascii: "\n")]
        }
    }

    /// Values that a client chose may hold anything; quoted and escaped they stay on the line.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 }
        guard !isPlain || value.isEmpty else { return value }
        var json = JSONWriter()
        json.string(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
