import Dispatch
import HTTPServer
import OptimizerSessions
import Synchronization

/// Reads that wait for their session to change (long polls). They hold neither a thread nor a turn
/// of the session; those that wait for the same change are answered from one reading.
final class PollRoom: Sendable {
    /// Reads that may wait at once; a further one is answered without waiting.
    static let waitingLimit = 10_000
    static let longestWaitSeconds = 60
    /// How late a wait may end. Looking through all that wait takes some 100 µs at most.
    private static let tick = DispatchTimeInterval.milliseconds(100)

    /// Polls of the same version of the same session wait together.
    private struct Key: Hashable {
        let session: ObjectIdentifier
        let tag: SessionTag
    }

    private struct Group {
        let watch: SessionWatch
        var polls: [Poll] = []
    }

    private struct Waiting {
        var groups: [Key: Group] = [:]
        var count = 0
        var isTicking = false
        /// Nobody waits any more.
        var isClosed = false

        /// Takes out the polls whose time is over, with the watches that nobody needs any more.
        mutating func takeDue(at now: DispatchTime) -> [(polls: [Poll], watch: SessionWatch?)] {
            var due: [(polls: [Poll], watch: SessionWatch?)] = []
            for (key, group) in groups {
                let polls = group.polls.filter { $0.end <= now }
                guard !polls.isEmpty else { continue }
                let isOver = polls.count == group.polls.count
                due.append((polls, isOver ? group.watch : nil))
                count -= polls.count
                if isOver {
                    groups[key] = nil
                } else {
                    groups[key]?.polls.removeAll { $0.end <= now }
                }
            }
            return due
        }
    }

    private enum Admission { case waits, watches(SessionWatch), refused }

    private let waiting = Mutex(Waiting())
    private let rooms: ServiceRooms
    private let clock = DispatchQueue(label: "optimizerd.polls")

    init(rooms: ServiceRooms) {
        self.rooms = rooms
    }

    var count: Int { waiting.withLock { $0.count } }

    func wait(_ poll: Poll) {
        let key = Key(session: ObjectIdentifier(poll.session), tag: poll.tag)
        let (admission, ticks) = waiting.withLock { waiting -> (Admission, Bool) in
            guard !waiting.isClosed, waiting.count < Self.waitingLimit else {
                return (.refused, false)
            }
            waiting.count += 1
            let ticks = !waiting.isTicking
            waiting.isTicking = true
            if waiting.groups[key] != nil {
                waiting.groups[key]?.polls.append(poll)
                return (.waits, ticks)
            }
            let watch = SessionWatch { [weak self] in self?.changed(key) }
            waiting.groups[key] = Group(watch: watch, polls: [poll])
            return (.watches(watch), ticks)
        }
        if ticks { scheduleTick() }
        switch admission {
        case .waits: break
        case .watches(let watch):
            guard poll.session.add(watch, from: poll.tag) else { return changed(key) }
            // The wait may have ended before the session knew of it.
            let isWatched = waiting.withLock { $0.groups[key]?.watch === watch }
            if !isWatched { poll.session.remove(watch) }
        case .refused: poll.answerUnchanged(hasWaited: false)
        }
    }

    /// Ends every wait, and those to come: the client should go on elsewhere.
    func close() {
        let groups = waiting.withLock { waiting in
            waiting.isClosed = true
            waiting.count = 0
            defer { waiting.groups = [:] }
            return waiting.groups
        }
        for group in groups.values { end(group.polls, isOver: group.watch, hasWaited: false) }
    }

    private func changed(_ key: Key) {
        let group = waiting.withLock { waiting in
            let group = waiting.groups.removeValue(forKey: key)
            waiting.count -= group?.polls.count ?? 0
            return group
        }
        guard let group else { return }
        read(Array(Dictionary(grouping: group.polls, by: \.reading).values)[...])
    }

    /// One reading after the other, so that many different ones do not fill the session's line.
    private func read(_ readings: ArraySlice<[Poll]>) {
        guard let polls = readings.first, let first = polls.first else { return }
        let rooms = rooms
        first.session.readParameters(
            type: first.reading.type, tensor: first.reading.tensor
        ) { result in
            var answered = polls
            if case .success = result {
                self.read(readings.dropFirst())
            } else {
                // The session is gone, or has no room in its line: so it is for the others.
                answered = readings.flatMap(\.self)
            }
            // Answering is work, and the session has others to serve.
            rooms.writers.submit { [answered] in
                for poll in answered { poll.answer(result, rooms) }
            }
        }
    }

    private func scheduleTick() {
        clock.asyncAfter(deadline: .now() + Self.tick) { [weak self] in self?.endWhatIsDue() }
    }

    private func endWhatIsDue() {
        let now = DispatchTime.now()
        let (due, goesOn) = waiting.withLock { waiting in
            let due = waiting.takeDue(at: now)
            waiting.isTicking = !waiting.groups.isEmpty
            return (due, waiting.isTicking)
        }
        if goesOn { scheduleTick() }
        for part in due { end(part.polls, isOver: part.watch) }
    }

    /// - Parameter watch: nobody waits for it any more; nil where others of its group do.
    private func end(_ polls: [Poll], isOver watch: SessionWatch?, hasWaited: Bool = true) {
        if let watch { polls.first?.session.remove(watch) }
        for poll in polls { poll.answerUnchanged(hasWaited: hasWaited) }
    }
}
