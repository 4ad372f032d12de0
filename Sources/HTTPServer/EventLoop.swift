import Dispatch
import Synchronization
import SystemIO

/// What lives on a loop and is told when something happens. All calls come from the loop.
protocol LoopResident: AnyObject {
    func handle(_ event: PollEvent)
    func handleDeadline(_ now: Instant)
    /// One pass over what is ready: a bounded piece of work for each.
    func runReady()
    var hasReadyWork: Bool { get }
    /// The earliest point at which `handleDeadline` has something to do.
    var nextDeadline: Instant? { get }
}

/// A serial queue driven by one long-lived dispatch source on an epoll descriptor.
///
/// Sockets are registered in the epoll set, never with Dispatch: one source for each socket
/// measured 79 k requests/s where this design does 131 k, and tearing sources down under load is
/// where libdispatch has open defects. What is confined to the loop is touched only from its
/// queue; `assertConfined` stops the process where that is broken.
package final class EventLoop: Loop, @unchecked Sendable {
    private let queue: DispatchQueue
    private let poller: Poller
    private let timer: TimerDescriptor
    private let wakeUp: WakeUp
    private let inbox = Mutex(Inbox())
    /// The thread that runs a turn now; 0 between turns.
    private let runningThread = Atomic<UInt>(0)

    // Confined to the queue.
    @exclusivity(unchecked) private var resident: (any LoopResident)?
    private var source: (any DispatchSourceRead)?
    @exclusivity(unchecked) private var armedFor = Instant.distantFuture
    /// Read once for each batch of events.
    @exclusivity(unchecked) private(set) var now = MonotonicClock.now()
    var exactNow: Instant { MonotonicClock.now() }

    private struct Inbox {
        var closures: [@Sendable () -> Void] = []
        var activity = Activity.resting
    }

    /// What has to be done so that the loop looks into its inbox.
    private enum Activity {
        /// Dispatch holds the thread: a turn must be queued.
        case resting
        /// A turn is running or queued, and looks before it ends: nothing.
        case turning
        /// A turn waits in the poller: wake it.
        case polling
    }

    /// Reserved tokens; connections never have them.
    private static let timerToken = UInt64.max
    private static let wakeUpToken = UInt64.max - 1

    /// How long a turn waits for more work before it hands its thread back. Going through Dispatch
    /// for each batch of events takes two thread switches and some six system calls: on a busy
    /// machine a small request cost 19 µs of processor time that way and 11 µs this way (nginx:
    /// 10).
    private static let patienceMilliseconds: Int32 = 5

    package init(name: String) throws(Errno) {
        poller = try Poller()
        timer = try TimerDescriptor()
        wakeUp = try WakeUp()
        try poller.add(timer.descriptor, token: Self.timerToken)
        try poller.add(wakeUp.descriptor, token: Self.wakeUpToken)
        queue = DispatchQueue(label: name, qos: .userInitiated)
    }

    /// Begins to deliver events to `resident`. The loop keeps itself and it alive until `stop`.
    func start(_ resident: @escaping @Sendable () -> any LoopResident) {
        queue.async {
            self.resident = resident()
            let source = DispatchSource.makeReadSource(
                fileDescriptor: self.poller.descriptor.number, queue: self.queue)
            source.setEventHandler { self.turn() }
            // Holding the loop here keeps the epoll descriptor open as long as Dispatch watches.
            source.setCancelHandler { self.forget() }
            self.source = source
            source.activate()
        }
    }

    /// Delivers nothing any more; what is left in the inbox still runs.
    func stop() {
        execute { self.source?.cancel() }
    }

    private func forget() {
        source = nil
        resident = nil
    }

    package func execute(_ work: @escaping @Sendable () -> Void) {
        let activity = inbox.withLock { inbox in
            inbox.closures.append(work)
            defer { inbox.activity = .turning }
            return inbox.activity
        }
        switch activity {
        case .resting: queue.async { self.turn() }
        case .turning: break
        case .polling: wakeUp.signal()
        }
    }

    /// Whether the calling thread runs a turn at the moment.
    var isCurrent: Bool {
        runningThread.load(ordering: .relaxed) == ThreadIdentity.current
    }

    func assertConfined() {
        dispatchPrecondition(condition: .onQueue(queue))
    }

    func watch(_ descriptor: borrowing Descriptor, token: UInt64) throws(Errno) {
        try poller.add(descriptor, token: token)
    }

    func watchListener(_ descriptor: borrowing Descriptor, token: UInt64) throws(Errno) {
        try poller.addLevelTriggered(descriptor, token: token)
    }

    func unwatch(_ descriptor: borrowing Descriptor) throws(Errno) {
        try poller.remove(descriptor)
    }

    private func turn() {
        assertConfined()
        runningThread.store(ThreadIdentity.current, ordering: .relaxed)
        inbox.withLock { $0.activity = .turning }
        now = MonotonicClock.now()
        while true {
            runInbox()
            resident?.runReady()
            guard resident?.hasReadyWork != true, becomes(.polling) else {
                _ = poll(milliseconds: 0)
                continue
            }
            armTimer()
            let events = poll(milliseconds: Self.patienceMilliseconds)
            if events == 0, becomes(.resting) { break }
            inbox.withLock { $0.activity = .turning }
        }
        runningThread.store(0, ordering: .relaxed)
    }

    /// Ends the turn's duty to look into the inbox, unless something has arrived there.
    private func becomes(_ activity: Activity) -> Bool {
        inbox.withLock { inbox in
            guard inbox.closures.isEmpty else { return false }
            inbox.activity = activity
            return true
        }
    }

    private func runInbox() {
        let closures = inbox.withLock { inbox in
            defer { inbox.closures = [] }
            return inbox.closures
        }
        for closure in closures { closure() }
    }

    private func poll(milliseconds: Int32) -> Int {
        guard let resident else { return 0 }
        var timerFired = false
        let count: Int
        do {
            count = try poller.wait(milliseconds: milliseconds) { event in
                switch event.token {
                case Self.timerToken: timerFired = true
                case Self.wakeUpToken: break
                default: resident.handle(event)
                }
            }
        } catch {
            // epoll_wait on a valid set fails only when interrupted, which is retried below it.
            preconditionFailure("epoll_wait: \(error)")
        }
        now = MonotonicClock.now()
        if timerFired {
            armedFor = .distantFuture
            resident.handleDeadline(now)
        }
        return count
    }

    /// The timer is only ever moved to an earlier point. One that fires too early costs one empty
    /// turn, which is cheaper than setting it anew for each request.
    private func armTimer() {
        guard let next = resident?.nextDeadline, next < armedFor else { return }
        do {
            try timer.arm(at: next)
            armedFor = next
        } catch {
            preconditionFailure("timerfd_settime: \(error)")
        }
    }
}
