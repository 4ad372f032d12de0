import CLinux
import Glibc

/// What a descriptor became ready for since it was last reported.
package struct PollEvent: Sendable {
    /// As given when the descriptor was added.
    package let token: UInt64
    private let flags: UInt32

    /// An event as it might come.
    package init(
        token: UInt64, isReadable: Bool = false, isWritable: Bool = false,
        peerHasEnded: Bool = false, isBroken: Bool = false
    ) {
        self.token = token
        flags = (isReadable ? EPOLLIN.rawValue : 0) | (isWritable ? EPOLLOUT.rawValue : 0)
            | (peerHasEnded ? EPOLLRDHUP.rawValue : 0) | (isBroken ? EPOLLERR.rawValue : 0)
    }

    init(_ event: epoll_event) {
        token = event.data.u64
        flags = event.events
    }

    /// Bytes, an end of stream or an error can be read.
    package var isReadable: Bool { has(EPOLLIN) || has(EPOLLRDHUP) || isBroken }
    package var isWritable: Bool { has(EPOLLOUT) || isBroken }
    /// The peer has sent everything it will send.
    package var peerHasEnded: Bool { has(EPOLLRDHUP) || isBroken }
    /// An error or a hang-up of both directions; the next transfer says which.
    package var isBroken: Bool { has(EPOLLERR) || has(EPOLLHUP) }

    private func has(_ flag: EPOLL_EVENTS) -> Bool { flags & flag.rawValue != 0 }
}

/// An epoll set in which every descriptor is reported once for each change of its readiness
/// (edge-triggered), so that it is registered once in its life and never modified. A closed
/// descriptor leaves the set by itself.
package struct Poller: ~Copyable {
    /// Becomes readable when the set has something to report.
    package let descriptor: Descriptor
    private let events: UnsafeMutablePointer<epoll_event>

    /// Events taken from the kernel by one call.
    package static let batch = 256

    package init() throws(Errno) {
        let number = try check(.epollCreate) { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        descriptor = Descriptor(owning: number)
        events = .allocate(capacity: Self.batch)
    }

    deinit {
        events.deallocate()
    }

    package func add(_ member: borrowing Descriptor, token: UInt64) throws(Errno) {
        let flags =
            EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        try add(member, token: token, flags: flags)
    }

    /// For listeners: reported again and again while somebody waits, so that stopping to accept
    /// for a while loses nobody.
    package func addLevelTriggered(
        _ member: borrowing Descriptor, token: UInt64
    ) throws(Errno) {
        try add(member, token: token, flags: EPOLLIN.rawValue)
    }

    private func add(
        _ member: borrowing Descriptor, token: UInt64, flags: UInt32
    ) throws(Errno) {
        var event = epoll_event(events: flags, data: epoll_data_t(u64: token))
        let set = descriptor.number
        let number = member.number
        try check(.epollControl, on: number) { epoll_ctl(set, EPOLL_CTL_ADD, number, &event) }
    }

    package func remove(_ member: borrowing Descriptor) throws(Errno) {
        let set = descriptor.number
        let number = member.number
        try check(.epollControl, on: number) { epoll_ctl(set, EPOLL_CTL_DEL, number, nil) }
    }

    /// Reports what is ready, up to `batch` events, after waiting for at most `milliseconds`
    /// (0 does not wait, −1 waits for ever). `body` must not wait on the same poller.
    ///
    /// - Returns: how many events `body` saw.
    package func wait(
        milliseconds: Int32, _ body: (PollEvent) -> Void
    ) throws(Errno) -> Int {
        let set = descriptor.number
        let count = try check(.epollWait, on: set) {
            epoll_wait(set, events, Int32(Self.batch), milliseconds)
        }
        for index in 0..<Int(count) { body(PollEvent(events[index])) }
        return Int(count)
    }
}
