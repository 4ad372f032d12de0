import Glibc
import SystemIO

/// The processor time that a process has used in all its threads, user and system, as
/// /proc/PID/stat tells it but in nanoseconds.
struct ProcessorTime {
    private let clock: clockid_t
    private let process: Int

    init(of process: Int) throws {
        var clock = clockid_t()
        // Answers with the error instead of leaving it in errno (clock_getcpuclockid(3)).
        let code = clock_getcpuclockid(pid_t(process), &clock)
        guard code == 0 else {
            let error = Errno(rawValue: code)
            throw LoadFailure(description: "process \(process): \(error.description)")
        }
        self.clock = clock
        self.process = process
    }

    func seconds() throws -> Double {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else {
            throw LoadFailure(description: "process \(process): \(Errno.current.description)")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
