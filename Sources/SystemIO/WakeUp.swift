import CLinux
import Glibc

/// Gets a thread out of `Poller.wait` from any other thread.
package struct WakeUp: ~Copyable, Sendable {
    package let descriptor: Descriptor

    package init() throws(Errno) {
        let number = try check(.eventDescriptor) {
            eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        }
        descriptor = Descriptor(owning: number)
    }

    /// Each signal is an edge of its own, so nobody has to read the count. It cannot overflow in
    /// practice, and if it did, the wake-up before would still be standing.
    package func signal() {
        var one: UInt64 = 1
        _ = transfer(.write, on: descriptor.number) {
            Glibc.write(descriptor.number, &one, MemoryLayout<UInt64>.size)
        }
    }
}
