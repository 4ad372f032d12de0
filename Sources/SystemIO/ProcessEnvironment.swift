import Glibc

/// What the process was given by whoever started it, and how it ends.
package enum ProcessEnvironment {
    package static func value(of name: String) -> String? {
        guard let text = getenv(name) else { return nil }
        return String(cString: text)
    }

    package static var processIdentifier: Int32 { getpid() }

    /// Ends the process with `status`, running what was registered with `atexit`.
    package static func exit(_ status: Int32) -> Never {
        Glibc.exit(status)
    }
}
