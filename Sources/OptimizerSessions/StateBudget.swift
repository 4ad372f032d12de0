import OptimizerEngine
import Synchronization
import SystemIO

/// The bytes that all sessions together may hold as parameters, moments and description.
package final class StateBudget: Sendable {
    package let limitBytes: Int
    private let inUse = Mutex(0)

    package init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    package var inUseBytes: Int { inUse.withLock { $0 } }

    func reserve(_ byteCount: Int) throws(SessionError) -> Reservation {
        let isGranted = inUse.withLock { inUse in
            let (total, overflow) = inUse.addingReportingOverflow(byteCount)
            guard !overflow, total <= limitBytes else { return false }
            inUse = total
            return true
        }
        guard isGranted else {
            throw .overBudget(.stateBytes, limit: limitBytes, asked: byteCount)
        }
        return Reservation(byteCount: byteCount, budget: self)
    }

    fileprivate func giveBack(_ byteCount: Int) {
        inUse.withLock { $0 -= byteCount }
    }
}

/// A granted part of the budget, given back when the object goes.
final class Reservation: Sendable {
    let byteCount: Int
    private let budget: StateBudget

    fileprivate init(byteCount: Int, budget: StateBudget) {
        self.byteCount = byteCount
        self.budget = budget
    }

    deinit {
        budget.giveBack(byteCount)
    }
}

/// One vector of a session's state: zero-filled memory that its budget has granted.
final class StateMemory: ParameterMemory {
    let slab: Slab
    private var reservation: Reservation

    init(byteCount: Int, budget: StateBudget) throws(SessionError) {
        reservation = try budget.reserve(byteCount)
        do {
            slab = try Slab(byteCount: byteCount, zeroed: true)
        } catch {
            throw .outOfMemory(bytes: byteCount)
        }
    }

    /// Counts against another budget from now on.
    func charge(to budget: StateBudget) throws(SessionError) {
        reservation = try budget.reserve(byteCount)
    }

    var base: UnsafeMutableRawPointer { slab.base }
    var byteCount: Int { slab.byteCount }
}
