import Dispatch
import Synchronization

/// The order to stop, given once by whoever has a reason first.
final class StopOrder: Sendable {
    private let ending = Mutex<Program.Ending?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ ending: Program.Ending) {
        let isFirst = self.ending.withLock { first in
            defer { first = first ?? ending }
            return first == nil
        }
        if isFirst { given.signal() }
    }

    func wait() -> Program.Ending {
        given.wait()
        return ending.withLock { $0 } ?? .clean
    }
}
