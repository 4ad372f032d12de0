#if DEBUG
import Glibc
import Synchronization

/// Ends the process by SIGKILL at a chosen moment of a step's way to the disk, so that tests see
/// what is left of it there. Debug builds only.
package enum CrashPoint: String, Sendable, CaseIterable {
    case beforeAppend = "before-append"
    case afterAppend = "after-append"
    /// The record is on the disk and nothing of it is applied.
    case afterSync = "after-sync"
    case afterApply = "after-apply"

    private static let armed = Mutex<(point: CrashPoint, passes: Int)?>(nil)

    /// Arms a point by its text, "after-append:3": the third time it is reached counts.
    ///
    /// - Returns: false for a text that names none.
    package static func arm(_ text: String) -> Bool {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let point = CrashPoint(rawValue: String(parts[0])),
            let passes = Int(parts[1]), passes > 0
        else { return false }
        armed.withLock { $0 = (point, passes) }
        return true
    }

    /// Whether the process will end here the next time.
    package var isNext: Bool {
        CrashPoint.armed.withLock { $0.map { $0.point == self && $0.passes == 1 } ?? false }
    }

    package func reach() {
        let isDue = CrashPoint.armed.withLock { armed in
            guard let (point, passes) = armed, point == self else { return false }
            armed = (point, passes - 1)
            return passes == 1
        }
        if isDue { kill(getpid(), SIGKILL) }
    }
}
#endif
