/// Somebody who waits for a session to change. It is notified by the thread that made the change,
/// while the operation still has its turn: an operation that it then starts comes after that one.
package final class SessionWatch: Sendable {
    fileprivate let notify: @Sendable () -> Void

    package init(notify: @escaping @Sendable () -> Void) {
        self.notify = notify
    }
}

/// Those that were waiting.
struct SessionWatches {
    fileprivate var all: [ObjectIdentifier: SessionWatch] = [:]

    func notify() {
        for watch in all.values { watch.notify() }
    }
}

/// What everybody sees of a session, and who waits for it to become something else. Both are under
/// one lock, so that no change comes between looking and waiting.
struct PublishedSession {
    var description: SessionDescription
    var isRemoved = false
    private var watches = SessionWatches()

    init(_ description: SessionDescription) {
        self.description = description
    }

    mutating func add(_ watch: SessionWatch, from tag: SessionTag) -> Bool {
        guard !isRemoved, description.tag == tag else { return false }
        watches.all[ObjectIdentifier(watch)] = watch
        return true
    }

    mutating func remove(_ watch: SessionWatch) {
        watches.all[ObjectIdentifier(watch)] = nil
    }

    mutating func takeWatches() -> SessionWatches {
        guard !watches.all.isEmpty else { return SessionWatches() }
        defer { watches = SessionWatches() }
        return watches
    }
}
