import Logging

/// Hands each event to the queue as one line.
struct LineLogHandler: LogHandler {
    let format: LogSettings.Format
    let queue: LogQueue
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(format: LogSettings.Format, queue: LogQueue) {
        self.format = format
        self.queue = queue
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        queue.append(
            format.line(
                event.level, "\(event.message)", facts.map { ($0.key, "\($0.value)") }))
    }
}
