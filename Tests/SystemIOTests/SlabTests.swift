import Testing

@testable import SystemIO

@Suite struct SlabTests {
    @Test(arguments: [0, 1, 63, 64, 4096, 262_143, 262_144, 5_000_000])
    func slabsAreAlignedZeroedAndAsLongAsAsked(count: Int) throws {
        let slab = try Slab(byteCount: count, zeroed: true)
        #expect(slab.byteCount == count)
        #expect(slab.bytes.count == count)
        #expect(UInt(bitPattern: slab.base) % 64 == 0)
        #expect(slab.bytes.allSatisfy { $0 == 0 })
        for index in slab.bytes.indices { slab.bytes[index] = UInt8(truncatingIfNeeded: index) }
        if count > 0 { #expect(slab.bytes[count - 1] == UInt8(truncatingIfNeeded: count - 1)) }
    }

    @Test func impossibleSizesAreErrors() {
        #expect(throws: Errno.invalidArgument) { try Slab(byteCount: -1) }
        #expect(throws: Errno.noMemory) { try Slab(byteCount: 1 << 60) }
        #expect(throws: Errno.noMemory) { try Slab(byteCount: .max) }
    }

    @Test func sizeClassesWasteAtMostAQuarter() throws {
        let aroundPowers = (12...46).flatMap { [(1 << $0) - 1, 1 << $0, (1 << $0) + 1] }
        for asked in Array(1...5000) + aroundPowers {
            guard let size = SlabSizeClass(holding: asked) else {
                #expect(asked > SlabSizeClass.largestBytes)
                continue
            }
            #expect(size.byteCount >= asked)
            #expect(SlabSizeClass(holding: size.byteCount) == size)
            if asked > 4096 { #expect(size.byteCount - asked <= asked / 4) }
        }
        #expect(SlabSizeClass(holding: .max) == nil)
    }

    @Test func thePoolRecyclesWithinASizeClass() throws {
        let pool = SlabPool(limitBytes: 1 << 24, idleBytes: 1 << 24)
        let base = try pool.take(1_000_000).base
        let again = try pool.take(1_040_000)
        #expect(again.base == base)
        #expect(again.byteCount == 1_040_000)
        #expect(pool.inUseBytes == 1 << 20)
    }

    @Test func thePoolHoldsItsBudget() throws {
        let pool = SlabPool(limitBytes: 16_384, idleBytes: 1 << 20)
        let first = try pool.take(8192)
        let second = try pool.take(8192)
        #expect(throws: SlabPoolError.overBudget(limitBytes: 16_384, inUseBytes: 16_384)) {
            try pool.take(1)
        }
        #expect(first.base != second.base)
        withExtendedLifetime((first, second)) {}
    }

    @Test func memoryComesBackWhenTheSlabGoes() throws {
        let pool = SlabPool(limitBytes: 8192, idleBytes: 0)
        for _ in 0..<10 {
            let slab = try pool.take(8192)
            #expect(pool.inUseBytes == 8192)
            slab.bytes[8191] = 1
        }
        #expect(pool.inUseBytes == 0)
        #expect(throws: SlabPoolError.self) { try pool.take(.max) }
        #expect(throws: SlabPoolError.self) { try pool.take(8193) }
    }

    @Test func reservationsShareTheBudgetAndGiveBack() throws {
        let pool = SlabPool(limitBytes: 10_000, idleBytes: 0)
        var reservation: Reservation? = try pool.reserve(5000)
        let slab = try pool.take(4096)
        #expect(pool.inUseBytes == 9096)
        #expect(throws: SlabPoolError.overBudget(limitBytes: 10_000, inUseBytes: 9096)) {
            try pool.reserve(905)
        }
        #expect(throws: SlabPoolError.self) { try reservation?.grow(to: 5905) }
        #expect(throws: SlabPoolError.self) { try reservation?.grow(to: .max) }
        #expect(pool.inUseBytes == 9096)
        try reservation?.grow(to: 5904)
        #expect(pool.inUseBytes == 10_000)
        reservation?.shrink(to: 100)
        reservation?.shrink(to: 200)
        try reservation?.grow(to: 50)
        #expect(pool.inUseBytes == 4196)
        reservation = nil
        #expect(pool.inUseBytes == 4096)
        withExtendedLifetime(slab) {}
    }

    /// What has happened is answered even when that passes the limit; others then wait.
    @Test func anUnboundedReservationIsChargedToo() throws {
        let pool = SlabPool(limitBytes: 10_000, idleBytes: 0)
        let reservation = pool.reserveUnbounded(12_000)
        #expect(throws: SlabPoolError.overBudget(limitBytes: 10_000, inUseBytes: 12_000)) {
            try pool.take(1)
        }
        reservation.shrink(to: 0)
        #expect(try pool.take(1).byteCount == 1)
    }

    /// Idle memory of a size that nobody asks for any more makes room for the one in demand.
    @Test func theLongestIdleBlocksGoFirst() throws {
        let pool = SlabPool(limitBytes: 1 << 24, idleBytes: 16_384)
        var small: [Slab] = []
        for _ in 0..<4 { small.append(try pool.take(4096)) }
        small = []
        let large = try pool.take(16_384).base
        #expect(try pool.take(16_384).base == large)
    }

    @Test func slabsOutliveThePoolsLastName() throws {
        var pool: SlabPool? = SlabPool(limitBytes: 1 << 20, idleBytes: 1 << 20)
        let slab = try #require(try pool?.take(5000))
        pool = nil
        slab.bytes[4999] = 7
        #expect(slab.bytes[4999] == 7)
    }

    #if DEBUG
    @Test func refusedMemoryIsAnErrorAndNotCharged() throws {
        let pool = SlabPool(limitBytes: 1 << 24, idleBytes: 1 << 24)
        ForcedErrno.during(.memoryMap, .noMemory) {
            #expect(throws: Errno.noMemory) { try Slab(byteCount: 1 << 20) }
            #expect(throws: SlabPoolError.outOfMemory(.noMemory)) { try pool.take(1 << 20) }
        }
        #expect(pool.inUseBytes == 0)
        #expect(try pool.take(1 << 20).byteCount == 1 << 20)
    }
    #endif
}
