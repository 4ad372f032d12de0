/// A share of a pool's budget for memory that lies elsewhere: text, headers, tables. It is given
/// back when the object goes.
///
/// Sizes may be changed from one thread at a time, whichever it is; that is what the `@unchecked`
/// stands for.
package final class Reservation: @unchecked Sendable {
    package private(set) var byteCount: Int
    private let pool: SlabPool

    fileprivate init(byteCount: Int, pool: SlabPool) {
        self.byteCount = byteCount
        self.pool = pool
    }

    /// Reserves what is missing to `byteCount`; does nothing when there is that much already.
    package func grow(to byteCount: Int) throws(SlabPoolError) {
        guard byteCount > self.byteCount else { return }
        try pool.charge(byteCount - self.byteCount)
        self.byteCount = byteCount
    }

    /// Gives back what is more than `byteCount`.
    package func shrink(to byteCount: Int) {
        let kept = max(0, byteCount)
        guard kept < self.byteCount else { return }
        pool.discharge(self.byteCount - kept)
        self.byteCount = kept
    }

    deinit { pool.discharge(byteCount) }
}

extension SlabPool {
    /// Charges the budget with exactly `byteCount` bytes, not rounded up to a size class.
    package func reserve(_ byteCount: Int) throws(SlabPoolError) -> Reservation {
        let reservation = Reservation(byteCount: 0, pool: self)
        try reservation.grow(to: byteCount)
        return reservation
    }

    /// Charges the budget also where that passes its limit: for what has to be answered because
    /// it has happened. Whoever asks next finds the less.
    package func reserveUnbounded(_ byteCount: Int) -> Reservation {
        chargeUnbounded(byteCount)
        return Reservation(byteCount: byteCount, pool: self)
    }
}
