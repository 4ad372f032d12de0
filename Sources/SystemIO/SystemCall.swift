import Glibc

/// The system calls that can fail in service, by name; what `ForcedErrno` selects by.
package enum SystemCall: Hashable, Sendable {
    case accept, bind, changeMode, changeOwner, close, connect
    case epollControl, epollCreate, epollWait, eventDescriptor
    case dataSync, fileRead, fileSync, fileWrite, listDirectory, lockFile
    case getAddressInfo, getSocketName, listen, makeDirectory, memoryMap, open, pipe, read, receive
    case remove, rename, send, setNonblocking, setSocketOption, shutdown, signalAction, socket
    case status, threadCreate, timerCreate, timerSet, truncate, write
}

/// Runs one system call, again when a signal interrupted it, and throws what it left in `errno`.
///
/// Every call that can fail goes through here or through `transfer`, so that one debug driver
/// (`ForcedErrno`) reaches all of them. In release builds the driver does not exist.
@inline(__always)
@discardableResult
func check<Answer: FixedWidthInteger & SignedInteger>(
    _ call: SystemCall, on descriptor: Int32 = -1, _ body: () -> Answer
) throws(Errno) -> Answer {
    while true {
        #if DEBUG
        if let forced = ForcedErrno.next(for: call, on: descriptor) { throw forced }
        #endif
        let answer = body()
        if answer >= 0 { return answer }
        let error = Errno.current
        if error != .interrupted { throw error }
    }
}

/// What one attempt to move bytes came to. That nothing can move now is an answer, not an error.
package enum IOResult: Equatable, Sendable {
    case bytes(Int)
    /// The peer has sent everything it will send.
    case endOfStream
    case wouldBlock
    case failed(Errno)
}

/// As `check`, for calls that move bytes on a non-blocking descriptor.
@inline(__always)
func transfer(
    _ call: SystemCall, on descriptor: Int32, _ body: () -> Int
) -> IOResult {
    while true {
        #if DEBUG
        if let forced = ForcedErrno.next(for: call, on: descriptor) {
            return forced == .wouldBlock ? .wouldBlock : .failed(forced)
        }
        #endif
        let count = body()
        if count >= 0 { return .bytes(count) }
        switch errno {
        case EINTR: continue
        case EAGAIN: return .wouldBlock
        case let other: return .failed(Errno(rawValue: other))
        }
    }
}
