import Glibc

/// The calling thread, as a number that no other living thread has and that is never 0.
package enum ThreadIdentity {
    @inline(__always)
    package static var current: UInt { UInt(pthread_self()) }
}
