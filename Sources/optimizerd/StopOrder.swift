import Dispatch
import Synchronization

/// The order to stop. Giving it again is impatience.
final class StopOrder: Sendable {
    private let ending = Mutex<Program.Ending?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ ending: Program.Ending) {
        self.ending.withLock { first in
            // Whatever the reason was, a disk that fails meanwhile is what has to be told.
            first = ending == .diskFailed ? ending : first ?? ending
        }
        given.signal()
    }

    func wait() -> Program.Ending {
        given.wait()
        return reason
    }

    /// The gravest one so far.
    var reason: Program.Ending { ending.withLock { $0 } ?? .clean }

    /// Waits so long, or until the order is given again.
    func waitForImpatience(atMost seconds: Int) {
        _ = given.wait(timeout: .now() + .seconds(seconds))
    }
}
