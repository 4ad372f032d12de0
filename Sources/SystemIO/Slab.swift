/// 64-byte-aligned memory of fixed size. Contents start undefined unless asked to be zero.
///
/// The memory lives exactly as long as the object. `bytes` may be read and written from any
/// thread; the holders order their accesses among themselves, which is what the `@unchecked`
/// stands for: one holder at a time writes, and hands the slab over through a queue or a lock.
package final class Slab: @unchecked Sendable {
    /// As asked for; the memory behind it may be larger.
    package let byteCount: Int
    private let memory: SlabMemory
    private let pool: SlabPool?

    /// Valid and 64-byte aligned also when `byteCount` is 0.
    package var base: UnsafeMutableRawPointer { memory.base }

    package var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: memory.base, count: byteCount)
    }

    /// Memory of its own, which belongs to no pool and no budget.
    ///
    /// - Parameter alignment: a power of two, at most a page.
    /// - Throws: `ENOMEM` when the system has none, `EINVAL` for a negative count.
    package convenience init(
        byteCount: Int, zeroed: Bool = false, alignment: Int = 64
    ) throws(Errno) {
        guard byteCount >= 0 else { throw .invalidArgument }
        let memory = try SlabMemory.allocate(
            byteCount: max(1, byteCount), zeroed: zeroed,
            alignment: max(SlabMemory.alignment, alignment))
        self.init(byteCount: byteCount, memory: memory, pool: nil)
    }

    /// The contents of a file, read when they are looked at. Not to be written to; the file must
    /// not become shorter while the slab lives.
    package convenience init(mapping path: String) throws(Errno) {
        let file = try File(path, .read)
        let byteCount = try file.byteCount
        guard byteCount > 0 else {
            try self.init(byteCount: 0)
            return
        }
        let memory = try SlabMemory.map(file, byteCount: byteCount)
        self.init(byteCount: byteCount, memory: memory, pool: nil)
    }

    init(byteCount: Int, memory: SlabMemory, pool: SlabPool?) {
        self.byteCount = byteCount
        self.memory = memory
        self.pool = pool
    }

    deinit {
        if let pool {
            pool.takeBack(memory)
        } else {
            memory.release()
        }
    }
}
