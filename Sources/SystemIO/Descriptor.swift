import Glibc

/// An open descriptor, owned: closed exactly once, when its last owner lets go of it.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over `number`, which nobody else may close from now on.
    package init(owning number: Int32) {
        self.number = number
    }

    deinit {
        // Linux releases the number even when close reports an error, so there is nothing to
        // try again (close(2)); what a failed close would tell about data, fdatasync has told.
        _ = close(number)
    }
}
