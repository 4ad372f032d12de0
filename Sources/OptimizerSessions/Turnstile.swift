import Synchronization

/// Lets one visitor at a time to what it guards, in order of arrival.
///
/// A visit is a closure that is called when its turn has come, on the thread that entered or on
/// the one where the visit before it ended. It calls `leave` exactly once, then or later, from
/// any thread, and touches nothing of the guarded state after that.
///
/// Visits that leave before they return are taken up by a loop, so a long line of them needs no
/// more stack than one.
package final class Turnstile: Sendable {
    package typealias Visit = @Sendable () -> Void

    /// Visits that may wait for their turn, each kind (ordinary, urgent) counted for itself.
    package let waitingLimit: Int

    /// A thread that came to do one visit does at most this many for others before it hands the
    /// rest of the line to `elsewhere`: nobody's event loop becomes the worker of a busy session.
    static let visitsPerThread = 16

    private let line = Mutex(Line())
    private let elsewhere: @Sendable (@escaping Visit) -> Void

    /// - Parameter elsewhere: runs a closure soon on another thread.
    package init(
        waitingLimit: Int, elsewhere: @escaping @Sendable (@escaping Visit) -> Void
    ) {
        self.waitingLimit = waitingLimit
        self.elsewhere = elsewhere
    }

    /// - Parameter urgently: before all ordinary visits that wait.
    /// - Returns: false when too many wait already; the visit is then never called.
    package func enter(urgently: Bool = false, _ visit: @escaping Visit) -> Bool {
        let admission = line.withLock {
            $0.admit(visit, urgently: urgently, waitingLimit: waitingLimit)
        }
        if admission == .enters { serve(visit) }
        return admission != .refused
    }

    /// Ends the visit that has the turn.
    package func leave() {
        guard let next = line.withLock({ $0.leave() }) else { return }
        serve(next)
    }

    private func serve(_ first: @escaping Visit) {
        var visit = first
        for _ in 0..<Self.visitsPerThread {
            visit()
            guard let next = line.withLock({ $0.visitReturned() }) else { return }
            visit = next
        }
        let rest = visit
        elsewhere { self.serve(rest) }
    }
}

/// Who has the turn and who waits for it.
private struct Line {
    private enum Occupancy {
        case vacant
        /// A visit's closure is running and has not left.
        case visiting
        /// The visit has left; the thread inside its closure will take up the next.
        case left
        /// The closure returned without leaving; whoever finishes its work will leave.
        case away
    }

    enum Admission { case enters, waits, refused }

    private var occupancy = Occupancy.vacant
    private var ordinary = FirstInFirstOut<Turnstile.Visit>()
    private var urgent = FirstInFirstOut<Turnstile.Visit>()

    mutating func admit(
        _ visit: @escaping Turnstile.Visit, urgently: Bool, waitingLimit: Int
    ) -> Admission {
        if case .vacant = occupancy {
            occupancy = .visiting
            return .enters
        }
        guard (urgently ? urgent.count : ordinary.count) < waitingLimit else { return .refused }
        if urgently { urgent.enter(visit) } else { ordinary.enter(visit) }
        return .waits
    }

    mutating func leave() -> Turnstile.Visit? {
        switch occupancy {
        case .visiting:
            occupancy = .left
            return nil
        case .away:
            return turn()
        case .vacant, .left:
            preconditionFailure("A visit left its turnstile twice.")
        }
    }

    mutating func visitReturned() -> Turnstile.Visit? {
        if case .left = occupancy { return turn() }
        occupancy = .away
        return nil
    }

    private mutating func turn() -> Turnstile.Visit? {
        let next = urgent.leave() ?? ordinary.leave()
        occupancy = next == nil ? .vacant : .visiting
        return next
    }
}
