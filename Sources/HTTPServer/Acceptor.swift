import SystemIO

/// A connection on its way from the listener to its loop.
final class AcceptedSocket: Sendable {
    let socket: StreamSocket
    let peer: SocketAddress
    /// How it is to be encrypted, if it is.
    let identity: TLSIdentity?

    init(socket: consuming StreamSocket, peer: SocketAddress, identity: TLSIdentity?) {
        self.socket = socket
        self.peer = peer
        self.identity = identity
    }
}

/// Takes connections from the listener and deals them to the loops in turn. Confined to the loop
/// that watches the listener.
///
/// The limits work by not accepting: who comes then waits in the kernel's backlog.
final class Acceptor {
    private enum State {
        case accepting
        case paused
        /// Watching again after a pause; nobody has been taken yet.
        case probing
        case ended
    }

    /// Connections taken in one go, so that a storm of them leaves time for those that are there.
    private static let batch = 64

    /// Of this listener in the poller.
    let token: ConnectionToken
    private let listener: ListeningSocket
    private let identity: TLSIdentity?
    private let home: ConnectionSet
    private let sets: [ConnectionSet]
    private let gate: AdmissionGate
    private var state = State.accepting
    private var next = 0

    init(
        listener: consuming ListeningSocket, identity: TLSIdentity?, token: ConnectionToken,
        home: ConnectionSet, sets: [ConnectionSet], gate: AdmissionGate
    ) {
        self.listener = listener
        self.identity = identity
        self.token = token
        self.home = home
        self.sets = sets
        self.gate = gate
    }

    func begin() throws(Errno) {
        try watch()
    }

    /// The listener has somebody waiting. It is watched level-triggered, so whoever is left over
    /// is reported again.
    func accept() {
        for _ in 0..<Self.batch {
            guard isWatching else { return }
            guard gate.enter() else {
                pause(.connectionLimit)
                return
            }
            guard acceptOne() else {
                gate.leave()
                return
            }
        }
    }

    /// False when nobody was taken.
    private func acceptOne() -> Bool {
        switch listener.accept() {
        case .connection(let socket, let peer):
            let set = sets[next % sets.count]
            next = (next + 1) % sets.count
            set.adopt(AcceptedSocket(socket: socket, peer: peer, identity: identity))
            if case .probing = state {
                state = .accepting
                home.log(.acceptResumed)
            }
            return true
        case .wouldBlock:
            return false
        case .failed(let error):
            if error.isExhaustion { pause(.exhausted(error)) }
            // Any other error is that of one connection which is already gone (accept(2)).
            return false
        }
    }

    private var isWatching: Bool {
        switch state {
        case .accepting, .probing: true
        case .paused, .ended: false
        }
    }

    /// A level-triggered listener that nobody empties would wake the loop for ever, so it leaves
    /// the poller. A probe that fails is no news.
    private func pause(_ reason: AcceptPause) {
        do {
            try home.loop.unwatch(listener.descriptor)
        } catch {
            return  // It stays watched, and accepting is tried again with the next event.
        }
        if case .accepting = state { home.log(.acceptPaused(reason)) }
        state = .paused
        switch reason {
        case .exhausted: tryAgainLater()
        case .connectionLimit:
            let home = home
            gate.callWhenFree { home.loop.execute { home.acceptorsMayResume() } }
        }
    }

    private func tryAgainLater() {
        home.setAlarm(
            .acceptAgain, at: home.loop.exactNow + home.configuration.acceptPause)
    }

    func resume() {
        guard case .paused = state else { return }
        do {
            try watch()
            state = .probing
        } catch {
            tryAgainLater()
        }
    }

    /// Whoever connected before this is still served.
    func end() {
        state = .accepting
        while gate.enter() {
            guard acceptOne() else {
                gate.leave()
                break
            }
        }
        state = .ended
    }

    private func watch() throws(Errno) {
        try home.loop.watchListener(listener.descriptor, token: token.rawValue)
    }
}

extension Errno {
    /// The system has no descriptor or no memory for another connection.
    fileprivate var isExhaustion: Bool {
        switch self {
        case .processFileLimit, .systemFileLimit, .noBufferSpace, .noMemory: true
        default: false
        }
    }
}
